import type { FastifyRequest } from "fastify";
import type { ApiKeyScope } from "../../domain/accounts/account.js";
import { grants, grantsOnSome } from "../../domain/accounts/scope.js";
import { findChuteId } from "../../domain/chutes/chute-name-repository.js";
import { findImageId } from "../../domain/images/image-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import type { AuthRule } from "./auth-rule.js";

/** Object types that scopes speak of; everything else needs an admin key. */
const SCOPED_TYPES: ReadonlySet<string> = new Set(["images", "chutes", "invocations"]);

const ACTION_OF: Readonly<Record<string, NonNullable<ApiKeyScope["action"]>>> = {
  POST: "write",
  PUT: "write",
  PATCH: "write",
  DELETE: "delete",
};

/**
 * Refuses an API key whose scopes do not cover a management request. The type is the first segment of the path; a name in
 * the path is resolved to its id first.
 * @throws AppError `unauthorized`; `forbidden` where a key stands beside the fingerprint
 * @see protocol 01 §4.3
 */
export async function requireScope(
  deps: { readonly db: Db; readonly config: { readonly platformUsername: string } },
  request: FastifyRequest,
  rule: AuthRule,
): Promise<void> {
  const { apiKey, account } = request.principal;
  if (apiKey === undefined || account === undefined || apiKey.admin) return;
  if (rule.fingerprint === "also") throw new AppError("forbidden", "This endpoint needs an admin API key.");
  const type = /^\/([^/?]*)/.exec(request.url)?.[1] ?? "";
  if (!SCOPED_TYPES.has(type)) throw new AppError("unauthorized", "This endpoint needs an admin API key.");
  const kind = { objectType: type as ApiKeyScope["objectType"], action: ACTION_OF[request.method] ?? "read" };
  const refusal = new AppError("unauthorized", `The API key has no scope to ${kind.action} these ${type}.`);
  if (!grantsOnSome(apiKey, kind)) throw refusal;
  const name = rule.scopeParam === undefined ? undefined : (request.params as Record<string, string>)[rule.scopeParam];
  const objectId = name === undefined ? null : await resolve(deps, { type, name, userId: account.userId });
  if (!grants(apiKey, { ...kind, objectId })) throw refusal;
}

interface Named {
  readonly type: string;
  readonly name: string;
  readonly userId: string;
}

/** An unknown name stays as it is: it matches no scope, and the handler answers 404 to those who may see the list. */
async function resolve(
  { db, config }: { readonly db: Db; readonly config: { readonly platformUsername: string } },
  { type, name, userId }: Named,
): Promise<string> {
  if (type === "images") return (await findImageId(db, name, userId)) ?? name;
  if (type !== "chutes") return name;
  return (await findChuteId(db, name, { userId, platformUsername: config.platformUsername })) ?? name;
}
