import { randomUUID } from "node:crypto";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import type { ApiKeyScope } from "../../../domain/accounts/account.js";
import { recordAccountChange } from "../../../domain/accounts/account-repository.js";
import { isApiKeyName } from "../../../domain/accounts/api-key-name.js";
import {
  type ApiKeyRecord,
  deleteApiKey,
  findApiKey,
  insertApiKey,
  listApiKeys,
} from "../../../domain/accounts/api-key-repository.js";
import { distinctScopes } from "../../../domain/accounts/scope.js";
import { invalidate } from "../../../domain/outbox/outbox-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { apiKeyHash, newApiKey } from "../../../wire/api-key.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { nullable } from "../nullable.js";
import { pageOf, pageParameters } from "../page-query.js";
import { accountOf } from "../principal.js";
import { KeyObject, keyObject, NewKeyObject, newKeyObject } from "./api-key-objects.js";

type Deps = Pick<ApiDeps, "db" | "now"> & { readonly directory: Directory };
type Plugin = FastifyPluginAsyncTypebox<Deps>;

const SCOPE_LIMIT = 100;
const LIST_CAP = 1000;

const ApiKeyBody = Type.Object({
  name: Type.String(),
  admin: Type.Boolean(),
  scopes: nullable(
    Type.Array(
      Type.Object({
        object_type: Type.String(),
        object_id: nullable(Type.String({ maxLength: 256 })),
        action: nullable(Type.Enum(["read", "write", "delete", "invoke"])),
      }),
      { maxItems: SCOPE_LIMIT },
    ),
  ),
});

const KeyPage = Type.Object({
  total: Type.Integer(),
  page: Type.Integer(),
  limit: Type.Integer(),
  items: Type.Array(KeyObject),
  cord_refs: Type.Null(),
});

const KeyParams = Type.Object({ id: Type.String() });
const READ = { auth: { purpose: "api_keys" } } as const;

/** Keys of the caller's account. @see protocol 01 §4.4 */
export const apiKeyRoutes: Plugin = async (app, deps) => {
  await app.register(readRoutes, deps);
  await app.register(writeRoutes, deps);
};

const readRoutes: Plugin = async (app, { db }) => {
  const ListQuery = Type.Object({ ...pageParameters({ lowest: 0 }), name: Type.Optional(Type.String()) });
  const list = { querystring: ListQuery, response: { 200: KeyPage } };
  app.get("/api_keys/", { config: READ, schema: list }, async (request) => {
    const { page, limit, offset } = pageOf(request.query, LIST_CAP);
    const { userId } = accountOf(request);
    const found = await listApiKeys(db, { userId, name: request.query.name ?? "", limit, offset });
    return { total: found.total, page, limit, items: found.items.map(keyObject), cord_refs: null };
  });

  const one = { params: KeyParams, response: { 200: KeyObject } };
  app.get("/api_keys/:id", { config: READ, schema: one }, async (request) =>
    keyObject(await ownKey(db, accountOf(request).userId, request.params.id)),
  );
};

const writeRoutes: Plugin = async (app, { db, now, directory }) => {
  const create = { config: { auth: {} }, schema: { body: ApiKeyBody, response: { 200: NewKeyObject } } };
  app.post("/api_keys/", create, async (request, reply) => {
    const { userId } = accountOf(request);
    const key = newKey(userId, checkedBody(request, ApiKeyBody), now());
    const secretKey = newApiKey(key);
    const isNew = await db.transaction().execute(async (tx) => {
      if (!(await insertApiKey(tx, key, apiKeyHash(secretKey)))) return false;
      await recordAccountChange(tx, keyChange("create_api_key", key, request), now());
      return true;
    });
    if (!isNew) throw new AppError("conflict", `You already have an API key named ${key.name}.`);
    directory.drop({ kind: "api_key", id: key.apiKeyId });
    return reply.header("cache-control", "no-store").send(newKeyObject(key, secretKey));
  });

  const remove = {
    params: KeyParams,
    response: { 200: Type.Object({ api_key_id: Type.String(), deleted: Type.Literal(true) }) },
  };
  app.delete("/api_keys/:id", { config: READ, schema: remove }, async (request) => {
    const key = await ownKey(db, accountOf(request).userId, request.params.id);
    const { apiKeyId } = key;
    const change = { kind: "api_key", id: apiKeyId } as const;
    const isDeleted = await db.transaction().execute(async (tx) => {
      if (!(await deleteApiKey(tx, apiKeyId))) return false;
      await recordAccountChange(tx, keyChange("delete_api_key", key, request), now());
      await invalidate(tx, [change], now());
      return true;
    });
    directory.drop(change);
    if (!isDeleted) throw new AppError("not_found", "API key not found.");
    return { api_key_id: apiKeyId, deleted: true as const };
  });
};

function keyChange(action: string, key: ApiKeyRecord, request: FastifyRequest) {
  const { apiKeyId, userId, name, admin } = key;
  return { userId, actor: userId, action, details: { apiKeyId, name, admin }, clientAddress: request.clientAddress };
}

function newKey(userId: string, body: Static<typeof ApiKeyBody>, now: Date): ApiKeyRecord {
  if (!isApiKeyName(body.name)) throw new AppError("invalid", "The name has characters that a key's name cannot have.");
  const wanted = body.admin ? [] : (body.scopes ?? []).map(toScope);
  const scopes = distinctScopes(wanted).map((scope) => ({ ...scope, scopeId: randomUUID() }));
  const { name, admin } = body;
  return { apiKeyId: randomUUID(), userId, admin, name, createdAt: now, lastUsedAt: null, scopes };
}

const OBJECT_TYPES: ReadonlySet<string> = new Set(["images", "chutes", "invocations"]);

type ScopeBody = NonNullable<Static<typeof ApiKeyBody>["scopes"]>[number];

function toScope({ object_type: objectType, object_id: objectId, action }: ScopeBody): ApiKeyScope {
  if (!OBJECT_TYPES.has(objectType))
    throw new AppError("invalid", `object_type must be one of ${[...OBJECT_TYPES].join(", ")}.`);
  return {
    objectType: objectType as ApiKeyScope["objectType"],
    objectId: objectId ?? null,
    action: action ?? null,
  };
}

async function ownKey(db: Deps["db"], userId: string, idOrName: string): Promise<ApiKeyRecord> {
  const key = await findApiKey(db, userId, idOrName);
  if (key === undefined) throw new AppError("not_found", "API key not found.");
  return key;
}
