import { randomUUID } from "node:crypto";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { accountByUsername, effectiveBalance } from "../../../domain/accounts/account-repository.js";
import { microUsdOf, usdOf } from "../../../domain/billing/amount.js";
import { adjustBalance, transferBalance } from "../../../domain/billing/balance-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { uuid5 } from "../../../wire/ids.js";
import { namedAccount, requireBillingAdmin } from "../billing-admin.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { accountOf } from "../principal.js";

type Deps = Pick<ApiDeps, "db" | "now"> & { readonly directory: Directory };

/** Amounts are looked at by hand: what is no number is a bad request, not a malformed one. @see protocol 01 §20 */
const Amount = Type.Unknown({ description: "number of USD" });
const TransferBody = Type.Object({ user_id: Type.String(), amount: Type.Optional(Amount) });
const AdjustmentBody = Type.Object({ user_id: Type.String(), amount: Amount, reason: Type.String() });

const TransferObject = Type.Object({
  transferred: Type.Number({ description: "USD" }),
  from_user: Type.String(),
  to_user: Type.String(),
  from_balance: Type.Number({ description: "USD" }),
  to_balance: Type.Number({ description: "USD" }),
  debit_event_id: Type.String(),
  credit_event_id: Type.String(),
});
const AdjustmentObject = Type.Object({ new_balance: Type.Number({ description: "USD" }), event_id: Type.String() });
const BalanceObject = Type.Object({ user_id: Type.String(), balance: Type.Number({ description: "USD" }) });

const LONGEST_REASON = 500;
const LONGEST_KEY = 200;

/** Money that people and administrators move. @see protocol 01 §6.6, §8 */
export const balanceRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, now } = deps;

  const transfer = {
    config: { auth: { fingerprint: "also" as const } },
    schema: { body: TransferBody, response: { 200: TransferObject } },
  };
  app.post("/users/balance_transfer", transfer, (request) => transferByRequest(deps, request));

  const adjustment = { config: { auth: {} }, schema: { body: AdjustmentBody, response: { 200: AdjustmentObject } } };
  app.post("/users/admin_balance_change", adjustment, (request) => adjustByRequest(deps, request));

  const lookup = {
    config: { auth: { purpose: "me" } },
    schema: {
      querystring: Type.Object({ username: Type.String() }),
      response: { 200: Type.Object({ user_id: Type.String() }) },
    },
  };
  app.get("/users/user_id_lookup", lookup, async (request) => {
    requireBillingAdmin(request, now);
    const account = await accountByUsername(db, request.query.username);
    if (account === undefined) throw new AppError("not_found", "User not found.");
    return { user_id: account.userId };
  });

  const balance = {
    config: { auth: { purpose: "me" } },
    schema: { params: Type.Object({ user: Type.String() }), response: { 200: BalanceObject } },
  };
  app.get("/users/:user/balance", balance, async (request) => {
    requireBillingAdmin(request, now);
    const { userId } = await namedAccount(db, request.params.user);
    return { user_id: userId, balance: usdOf(await effectiveBalance(db, userId, now())) };
  });
};

async function transferByRequest({ db, now, directory }: Deps, request: FastifyRequest) {
  const from = accountOf(request);
  const body = checkedBody(request, TransferBody);
  const amountMicroUsd = transferAmount(body.amount);
  const to = await namedAccount(db, body.user_id);
  if (to.userId === from.userId) throw new AppError("invalid", "A balance cannot be transferred to itself.");
  const eventIds = { debit: eventId(request, "debit"), credit: eventId(request, "credit") };
  const done = await transferBalance(db, {
    fromUserId: from.userId,
    toUserId: to.userId,
    amountMicroUsd,
    eventIds,
    actor: from.userId,
    clientAddress: request.clientAddress,
    now: now(),
  });
  for (const id of [from.userId, to.userId]) directory.drop({ kind: "account", id });
  return {
    transferred: usdOf(done.amountMicroUsd),
    from_user: from.userId,
    to_user: to.userId,
    from_balance: usdOf(done.fromBalanceMicroUsd),
    to_balance: usdOf(done.toBalanceMicroUsd),
    debit_event_id: eventIds.debit,
    credit_event_id: eventIds.credit,
  };
}

async function adjustByRequest({ db, now, directory }: Deps, request: FastifyRequest) {
  const change = requireBillingAdmin(request, now);
  const body = checkedBody(request, AdjustmentBody);
  const amountMicroUsd = microUsdOf(body.amount);
  if (amountMicroUsd === undefined || amountMicroUsd === 0n)
    throw new AppError("invalid", "amount must be a number of USD other than 0.");
  const reason = body.reason.trim();
  if (reason === "" || reason.length > LONGEST_REASON)
    throw new AppError("invalid", `reason must have 1 to ${LONGEST_REASON} characters.`);
  const { userId } = await namedAccount(db, body.user_id);
  const id = eventId(request, "adjustment");
  const balance = await adjustBalance(db, { ...change, userId, amountMicroUsd, reason, eventId: id });
  if (balance === undefined) throw new AppError("not_found", "User not found.");
  directory.drop({ kind: "account", id: userId });
  return { new_balance: usdOf(balance), event_id: id };
}

/** Undefined means everything. @throws AppError `invalid` */
function transferAmount(amount: unknown): bigint | undefined {
  if (amount === undefined || amount === null) return undefined;
  const microUsd = microUsdOf(amount);
  if (microUsd === undefined || microUsd <= 0n)
    throw new AppError("invalid", "amount must be a number of USD above 0, of a millionth at least.");
  return microUsd;
}

/**
 * Id of an entry: random, or made from the caller's `Idempotency-Key`, so that a request whose answer was lost can be sent
 * again and moves the money once.
 */
function eventId(request: FastifyRequest, side: string): string {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return randomUUID();
  if (typeof key !== "string" || key.trim() === "" || key.length > LONGEST_KEY)
    throw new AppError("invalid", `Idempotency-Key must have 1 to ${LONGEST_KEY} characters.`);
  return uuid5(`${accountOf(request).userId}:${side}:${key}`);
}
