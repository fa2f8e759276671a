import { Type } from "typebox";
import type { HttpClient } from "../infra/http-client/client.js";
import { AppError } from "../kernel/errors.js";
import { pause } from "../kernel/lifecycle.js";
import { parseJson, stringifyJson } from "../wire/json.js";
import { unverifiedClaims } from "../wire/jwt.js";
import { compareVersions } from "../wire/versions.js";
import type { GpuChallenge } from "./gpu-proof.js";
import { accepted, checkedAnswer, jsonOf } from "./platform-api.js";

/** Runtimes from here on name the kind of proof in the URL. @see protocol 05 §6.0 */
const GRAVAL_PATH_SINCE = "0.6.0";
const ACTIVATION_TRIES = 10;
const NONCE_SHAPE = /^[0-9a-f]{32}$/;

const ClaimAnswer = Type.Object({
  seed: Type.Union([Type.Integer(), Type.BigInt()]),
  iterations: Type.Integer({ minimum: 1, maximum: 1000 }),
  symmetric_key: Type.Object({
    ciphertext: Type.String(),
    uuid: Type.String(),
    response_plaintext: Type.String(),
  }),
  validator_pubkey: Type.String(),
});
const VerifyAnswer = Type.Object({ instance_id: Type.String(), activation_url: Type.String() });

interface Claimed {
  readonly challenge: GpuChallenge;
  readonly validatorPublicHex: string;
}

interface Verified {
  readonly instanceId: string;
  readonly activationUrl: string;
}

/** The calls a container makes with its launch token. Each throws AppError with the platform's refusal. @see protocol 05 §6 */
export interface LaunchCalls {
  /** Whether the chute may reach the internet, when the token says so. */
  readonly egress: boolean | undefined;
  nonce(): Promise<string>;
  claim(body: Record<string, unknown>): Promise<Claimed>;
  verify(body: Record<string, unknown>): Promise<Verified>;
  /** Tries again after failures, but not when the chute has enough instances. @see protocol 05 §6.6 */
  activate(url: string): Promise<void>;
}

/** Throws AppError `unavailable` when the token names no URL. */
export function launchCalls(
  http: HttpClient,
  launch: { token: string; chutesVersion: string | null; signal: AbortSignal },
): LaunchCalls {
  const { token, signal } = launch;
  const claims = unverifiedClaims(token);
  const url = claims?.["url"];
  if (typeof url !== "string") throw new AppError("unavailable", "the launch token names no URL");
  const claimUrl = compareVersions(launch.chutesVersion, GRAVAL_PATH_SINCE) >= 0 ? `${url}/graval` : url;
  const headers = { authorization: token };
  const send = async (method: "POST" | "PUT", body: Record<string, unknown>) => {
    const sent = { body: stringifyJson(body), headers: { ...headers, "content-type": "application/json" } };
    return jsonOf(await http.request(claimUrl, { method, signal, ...sent }));
  };
  return {
    egress: typeof claims?.["egress"] === "boolean" ? claims["egress"] : undefined,
    nonce: async () => nonceOf(accepted(await http.request(`${url}/nonce`, { headers, signal })).body),
    claim: async (body) => claimedOf(await send("POST", body)),
    verify: async (body) => {
      const answer = checkedAnswer(VerifyAnswer, await send("PUT", body));
      return { instanceId: answer.instance_id, activationUrl: answer.activation_url };
    },
    activate: (activationUrl) =>
      retried(signal, async () => accepted(await http.request(activationUrl, { headers, signal }))),
  };
}

/** The text itself, or a JSON string of it. */
function nonceOf(body: Buffer): string {
  const text = body.toString("utf8").trim();
  const nonce = text.startsWith('"') ? String(parseJson(text)) : text;
  if (!NONCE_SHAPE.test(nonce)) throw new AppError("unavailable", "the platform's launch nonce is not 32 hex digits");
  return nonce;
}

function claimedOf(answer: unknown): Claimed {
  const { seed, iterations, symmetric_key, validator_pubkey } = checkedAnswer(ClaimAnswer, answer);
  return {
    challenge: {
      seed: BigInt(seed),
      iterations,
      ciphertext: symmetric_key.ciphertext,
      uuid: symmetric_key.uuid,
      responsePlaintext: symmetric_key.response_plaintext,
    },
    validatorPublicHex: validator_pubkey,
  };
}

/** Waits 0, 1, 2 … seconds before each try. */
async function retried(signal: AbortSignal, call: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await call();
      return;
    } catch (error) {
      const isFull = error instanceof AppError && error.kind === "locked_resource";
      if (isFull || signal.aborted || tries >= ACTIVATION_TRIES) throw error;
      await pause(tries * 1000, signal);
    }
  }
}
