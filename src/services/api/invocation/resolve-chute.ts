import type { Account, ApiKeyGrant } from "../../../domain/accounts/account.js";
import { grants, SHARED_ENDPOINT } from "../../../domain/accounts/scope.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import { isOpenTo } from "../../../domain/invocations/admission.js";
import { AppError } from "../../../kernel/errors.js";
import { isUuid } from "../../../wire/ids.js";
import type { Directory } from "../directory/directory.js";
import type { Destination } from "../host-routing.js";

/** Who calls, proven. */
export interface Caller {
  readonly account: Account;
  readonly apiKey?: ApiKeyGrant;
}

export interface ResolveDeps {
  readonly directory: Pick<Directory, "chuteById" | "chutesNamed" | "isSharedWith">;
  readonly platformUsername: string;
}

type Aggregate = Extract<Destination, { kind: "aggregate" }>;

const ENDPOINT_ID = {
  vllm: SHARED_ENDPOINT.llm,
  embedding: SHARED_ENDPOINT.embed,
  diffusion: SHARED_ENDPOINT.image,
} as const;

/**
 * The chute that a shared host's `model` names: by name or id, the platform's own before others.
 * @throws AppError `not_found` also for chutes that the caller may not see, `unauthorized` when the key does not cover it
 * @see protocol 04 §3.2, §4.1
 */
export async function resolveModel(
  deps: ResolveDeps,
  caller: Caller,
  { template, model }: { readonly template: Aggregate["template"]; readonly model: unknown },
): Promise<Chute> {
  requireScope(caller, ENDPOINT_ID[template]);
  for (const chute of await candidates(deps, model)) {
    if (chute.standardTemplate !== template || !(await mayCall(deps, caller, chute))) continue;
    requireScope(caller, chute.chuteId);
    return chute;
  }
  throw new AppError("not_found", `model not found: ${String(model)}`);
}

/**
 * Checks that the caller may call a chute.
 * @throws AppError `unauthorized` when the key does not cover it, `not_found` when the caller may not see it
 */
export async function requireAccess(deps: ResolveDeps, caller: Caller, chute: Chute): Promise<void> {
  requireScope(caller, chute.chuteId);
  if (!(await mayCall(deps, caller, chute))) throw unknownChute();
}

/** Private chutes stay invisible: what may not be called does not exist. */
export function unknownChute(): AppError {
  return new AppError("not_found", "No matching chute found!");
}

async function candidates({ directory, platformUsername }: ResolveDeps, model: unknown): Promise<readonly Chute[]> {
  if (typeof model !== "string" || model === "") return [];
  const byId = isUuid(model) ? await directory.chuteById(model.toLowerCase()) : undefined;
  if (byId !== undefined) return [byId];
  const named = (await directory.chutesNamed(model)).filter(({ name }) => name === model);
  const isOwn = ({ ownerUsername }: Chute) => ownerUsername === platformUsername;
  return [...named.filter(isOwn), ...named.filter((chute) => !isOwn(chute))];
}

async function mayCall({ directory }: ResolveDeps, { account }: Caller, chute: Chute): Promise<boolean> {
  if (isOpenTo(chute, account)) return true;
  return directory.isSharedWith({ chuteId: chute.chuteId, userId: account.userId });
}

function requireScope({ apiKey }: Caller, objectId: string): void {
  if (apiKey === undefined || grants(apiKey, { objectType: "chutes", objectId, action: "invoke" })) return;
  throw new AppError("unauthorized", "The API key has no scope to invoke this chute.");
}
