import type { FastifyRequest } from "fastify";
import type { LaunchChute } from "../../../domain/instances/launch-chute.js";
import { type Launch, launchById } from "../../../domain/instances/launch-repository.js";
import { apiUrl } from "../../../kernel/config/api-url.js";
import type { Config } from "../../../kernel/config/schema.js";
import { AppError } from "../../../kernel/errors.js";
import { isUuid } from "../../../wire/ids.js";
import { launchKey, signJwt, verifyJwt } from "../../../wire/jwt.js";
import { compareVersions } from "../../../wire/versions.js";
import type { ApiDeps } from "../deps.js";

const ISSUER = "chutes";
/** Containers from here on read what they may do from their token. @see protocol 05 §6.2 */
const RICH_TOKEN_SINCE = "0.3.61";

/** Where a container claims its launch. */
export function launchUrl(config: Pick<Config, "publicUrl" | "baseDomain">, configId: string): string {
  const base = apiUrl(config);
  return `${base}/instances/launch_config/${configId}`;
}

export interface TokenRequest {
  readonly configId: string;
  readonly envKey: string;
  readonly chute: Pick<LaunchChute, "chuteId" | "chutesVersion" | "allowExternalEgress" | "lockModules">;
  readonly now: Date;
}

/** Token that the miner hands to its container. @see protocol 05 §6.2 */
export function signLaunchToken(config: Config, { configId, envKey, chute, now }: TokenRequest): string {
  const issuedAt = Math.floor(now.getTime() / 1000);
  const claims = {
    exp: issuedAt + config.instances.launchTokenSeconds,
    sub: configId,
    iat: issuedAt,
    url: launchUrl(config, configId),
    env_key: envKey,
    iss: ISSUER,
    ...(compareVersions(chute.chutesVersion, RICH_TOKEN_SINCE) >= 0 && {
      chute_id: chute.chuteId,
      egress: chute.allowExternalEgress,
      lock_modules: chute.lockModules ?? false,
      env_type: "graval",
    }),
  };
  return signJwt(claims, launchKey(config.accounts.launchConfigKey));
}

/**
 * The launch that a request is about, once its token proves that the container may act on it.
 * @throws AppError `unauthorized` for a missing, expired, forged or foreign token, `not_found` for an id that cannot exist
 * @see protocol 05 §6.2
 */
export async function authorizedLaunch(
  { config, db, now }: Pick<ApiDeps, "config" | "db" | "now">,
  request: FastifyRequest,
  configId: string,
): Promise<Launch> {
  if (!isUuid(configId)) throw new AppError("not_found", "Launch config not found");
  const token = request.headers.authorization?.trim().split(/\s+/).at(-1) ?? "";
  const claims = claimsOf(token, config.accounts.launchConfigKey, now());
  if (claims["sub"] !== configId) throw new AppError("unauthorized", `Launch config ${configId} does not match token!`);
  const launch = await launchById(db, configId);
  if (launch === undefined) throw new AppError("unauthorized", `Launch config ${configId} not found in database.`);
  return launch;
}

function claimsOf(token: string, secret: string, now: Date): Record<string, unknown> {
  try {
    return verifyJwt(token, { key: launchKey(secret), issuer: ISSUER, now, requireExp: true });
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    throw new AppError("unauthorized", `Missing or invalid launch config JWT: ${cause.message}`, { cause });
  }
}
