import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { accountById } from "../../../domain/accounts/account-repository.js";
import { changeIdentity } from "../../../domain/accounts/identity-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { nullable } from "../nullable.js";
import { accountOf } from "../principal.js";
import { requireAddress } from "./account-names.js";
import { SelfObject, selfObject } from "./account-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now"> & { readonly directory: Directory };

const KeysBody = Type.Object({ coldkey: nullable(Type.String()), hotkey: nullable(Type.String()) });

/** Other keys for the same account, by whoever knows its fingerprint. @see protocol 01 §5.3 */
export const accountChangeRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, now, directory } = deps;
  const change = {
    config: { auth: { fingerprint: "only" } },
    schema: { body: KeysBody, response: { 200: SelfObject } },
  } as const;
  app.post("/users/change_bt_auth", change, async (request, reply) => {
    const account = accountOf(request);
    const { userId } = account;
    const keys = keysOf(checkedBody(request, KeysBody));
    const details = { before: { hotkey: account.hotkey, coldkey: account.coldkey }, after: keys };
    const { clientAddress } = request;
    const entry = { userId, actor: userId, action: "change_keys", details, clientAddress, now: now() };
    const outcome = await changeIdentity(db, keys, entry);
    directory.drop({ kind: "account", id: userId });
    if (outcome === "taken") throw new AppError("conflict", `Hotkey ${keys.hotkey} belongs to another account.`);
    return reply.header("cache-control", "no-store").send(await currentSelf(deps, userId));
  });
};

/** An account as its owner sees it right after a change. @throws AppError `unauthorized` when it is gone */
export async function currentSelf({ config, db, directory }: Omit<Deps, "now">, userId: string) {
  const account = await accountById(db, userId);
  if (account === undefined) throw new AppError("unauthorized", "This account does not exist any more.");
  return selfObject(config, account, await directory.effectiveBalance(account));
}

interface Keys {
  readonly hotkey?: string;
  readonly coldkey?: string;
}

function keysOf(body: { readonly hotkey?: string | null; readonly coldkey?: string | null }): Keys {
  const keys: Keys = {
    ...(typeof body.hotkey === "string" && { hotkey: body.hotkey }),
    ...(typeof body.coldkey === "string" && { coldkey: body.coldkey }),
  };
  if (Object.keys(keys).length === 0) throw new AppError("invalid", "Give a hotkey, a coldkey or both.");
  for (const [field, address] of Object.entries(keys)) requireAddress(field, String(address));
  return keys;
}
