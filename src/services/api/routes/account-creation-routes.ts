import { randomUUID } from "node:crypto";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import { type Account, PERMISSION } from "../../../domain/accounts/account.js";
import { userIdByHotkey } from "../../../domain/accounts/account-repository.js";
import { type ApiKeyRecord, insertApiKey } from "../../../domain/accounts/api-key-repository.js";
import { registerAccount } from "../../../domain/accounts/registration.js";
import { logoExists } from "../../../domain/logos/logo-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { apiKeyHash, newApiKey } from "../../../wire/api-key.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { nullable } from "../nullable.js";
import { requirePermission } from "../principal.js";
import { requireAddress, requireFreeUsername } from "./account-names.js";
import { RegistrationObject, registrationObject } from "./account-objects.js";
import { accountMaking, register } from "./account-registration.js";
import { newKeyObject } from "./api-key-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "chain"> & { readonly directory: Directory };

const RegistrationBody = Type.Object({
  username: Type.String(),
  coldkey: Type.String(),
  logo_id: nullable(Type.String()),
});

const CreationBody = Type.Object({
  username: Type.String(),
  logo_id: nullable(Type.String()),
  hotkey: nullable(Type.String()),
  coldkey: nullable(Type.String()),
});

/** How one becomes somebody, by oneself or by an administrator. @see protocol 01 §6.3, §8 */
export const accountCreationRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { config, directory } = deps;
  const response = { 200: RegistrationObject };
  const signUp = {
    config: { auth: { accountless: true } },
    schema: { querystring: Type.Object({ token: Type.Optional(Type.String()) }), body: RegistrationBody, response },
  };
  app.post("/users/register", signUp, async (request, reply) => {
    const { username, coldkey, logo_id: logoId } = checkedBody(request, RegistrationBody);
    const registered = await register(deps, {
      username,
      coldkey,
      logoId: logoId ?? "",
      hotkey: request.principal.hotkey ?? "",
      token: request.query.token ?? "",
      clientAddress: request.clientAddress,
    });
    directory.drop({ kind: "account", id: registered.account.userId });
    return reply.header("cache-control", "no-store").send(registrationObject(config, registered, null));
  });

  const creation = { config: { auth: {} }, schema: { body: CreationBody, response } };
  app.post("/users/create_user", creation, async (request, reply) => {
    const admin = requirePermission(request, PERMISSION.createUser);
    const wanted = checkedBody(request, CreationBody);
    await checkCreation(deps, admin, wanted);
    const registered = await registerAccount(
      deps.db,
      {
        ...accountMaking(config),
        username: wanted.username,
        hotkey: wanted.hotkey ?? null,
        coldkey: wanted.coldkey ?? null,
        logoId: wanted.logo_id || null,
        actor: admin.userId,
        clientAddress: request.clientAddress,
        now: deps.now(),
      },
      async (tx, { userId }) => {
        const key = newAdminKey(userId, deps.now());
        await insertApiKey(tx, key.record, apiKeyHash(key.secret));
        return newKeyObject(key.record, key.secret);
      },
    );
    directory.drop({ kind: "account", id: registered.account.userId });
    return reply.header("cache-control", "no-store").send(registrationObject(config, registered, registered.extra));
  });
};

async function checkCreation(deps: Deps, admin: Account, wanted: Static<typeof CreationBody>): Promise<void> {
  const { username, hotkey, coldkey, logo_id: logoId } = wanted;
  if (typeof hotkey !== typeof coldkey || (hotkey === null) !== (coldkey === null))
    throw new AppError("invalid", "Give both a hotkey and a coldkey, or neither.");
  await requireFreeUsername(deps, username);
  if (typeof hotkey === "string") await requireUnusedHotkey(deps, hotkey);
  if (typeof coldkey === "string") requireAddress("coldkey", coldkey);
  if (logoId && !(await logoExists(deps.db, { logoId, userId: admin.userId })))
    throw new AppError("invalid", `logo ${logoId} does not exist`);
}

async function requireUnusedHotkey({ db }: Deps, hotkey: string): Promise<void> {
  requireAddress("hotkey", hotkey);
  if ((await userIdByHotkey(db, hotkey)) !== undefined)
    throw new AppError("invalid", `Hotkey ${hotkey} already has an account.`);
}

function newAdminKey(userId: string, now: Date): { record: ApiKeyRecord; secret: string } {
  const ids = { apiKeyId: randomUUID(), userId };
  const record = { ...ids, admin: true, name: "default", createdAt: now, lastUsedAt: null, scopes: [] };
  return { record, secret: newApiKey(ids) };
}
