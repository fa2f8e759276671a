import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import {
  accountById,
  accountByUsername,
  effectiveBalance,
  userIdByHotkey,
} from "../../../domain/accounts/account-repository.js";
import { newWallet, type RegisteredAccount, registerAccount } from "../../../domain/accounts/registration.js";
import { returnSignup, takeSignup } from "../../../domain/accounts/signup-store.js";
import { isReservedUsername, isUsername } from "../../../domain/accounts/username.js";
import { AppError } from "../../../kernel/errors.js";
import { decodeSs58 } from "../../../wire/ss58.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { nullable } from "../nullable.js";
import { accountOf } from "../principal.js";
import { RegistrationObject, registrationObject, SelfObject, selfObject } from "./account-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now"> & { readonly directory: Directory };

const RegistrationBody = Type.Object({
  username: Type.String(),
  coldkey: Type.String(),
  logo_id: nullable(Type.String()),
});

/** Who one is, and how one becomes somebody. @see protocol 01 §6 */
export const accountRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { config, db, now } = deps;

  const me = { config: { auth: { purpose: "me" } }, schema: { response: { 200: SelfObject } } };
  app.get("/users/me", me, async (request) => {
    const { userId } = accountOf(request);
    const [account, balance] = await Promise.all([accountById(db, userId), effectiveBalance(db, userId, now())]);
    if (account === undefined) throw new AppError("unauthorized", "This account does not exist any more.");
    return selfObject(config, account, balance);
  });

  const nameCheck = {
    querystring: Type.Object({ username: Type.String() }),
    response: { 200: Type.Object({ valid: Type.Boolean(), available: Type.Boolean() }) },
  };
  app.get("/users/name_check", { schema: nameCheck }, async (request) => {
    const { username } = request.query;
    const valid = isUsername(username);
    return { valid, available: valid && !(await isTaken(deps, username)) };
  });

  const signUp = { config: { auth: { accountless: true } }, schema: { response: { 200: RegistrationObject } } };
  app.post("/users/register", signUp, async (request, reply) => {
    const body = checkedBody(request, RegistrationBody);
    const { account, fingerprint } = await register(deps, request, body);
    deps.directory.drop({ kind: "account", id: account.userId });
    return reply.header("cache-control", "no-store").send(registrationObject(config, account, fingerprint));
  });
};

/** The checks stand in the order of the protocol; a sign-up that fails is not counted. @see protocol 01 §6.3 */
async function register(
  deps: Deps,
  request: FastifyRequest,
  body: Static<typeof RegistrationBody>,
): Promise<RegisteredAccount> {
  const { accounts } = deps.config;
  const { clientAddress } = request;
  const signups = await takeSignup(deps.redis, clientAddress);
  try {
    if (accounts.registrationPerIpDay > 0 && signups > accounts.registrationPerIpDay)
      throw new AppError("rate_limited", "Too many accounts were registered from this address today.");
    if (accounts.registrationMode === "closed") throw new AppError("forbidden", "Registration is closed.");
    const hotkey = request.principal.hotkey ?? "";
    await checkRegistration(deps, hotkey, body);
    const keys = { walletKeyHex: accounts.walletKey, pgKey: accounts.pgEncryptionKey };
    return await registerAccount(deps.db, () => newWallet(keys), {
      username: body.username,
      hotkey,
      coldkey: body.coldkey,
      isFree: accounts.allAccountsFree,
      clientAddress,
      now: deps.now(),
    });
  } catch (error) {
    await returnSignup(deps.redis, clientAddress);
    throw error;
  }
}

async function checkRegistration(deps: Deps, hotkey: string, body: Static<typeof RegistrationBody>): Promise<void> {
  const { username, coldkey, logo_id: logoId } = body;
  if ((await userIdByHotkey(deps.db, hotkey)) !== undefined)
    throw new AppError("conflict", `Hotkey ${hotkey} already has an account.`);
  if (!isUsername(username))
    throw new AppError("invalid", "A username has 3 to 15 letters, digits, underscores or dashes.");
  if (await isTaken(deps, username)) throw new AppError("conflict", `Username ${username} is taken.`);
  if (decodeSs58(coldkey) === undefined)
    throw new AppError("invalid", "coldkey is not an ss58 address with prefix 42.");
  if ((logoId ?? "") !== "") throw new AppError("invalid", `logo ${logoId} does not exist`);
}

async function isTaken({ db, config }: Deps, username: string): Promise<boolean> {
  return isReservedUsername(username, config.platformUsername) || (await accountByUsername(db, username)) !== undefined;
}
