import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { PERMISSION } from "../../../domain/accounts/account.js";
import { accountById, effectiveBalance } from "../../../domain/accounts/account-repository.js";
import { changePermissions } from "../../../domain/accounts/permission-repository.js";
import {
  accountGrowth,
  type BilledAccount,
  billedAccountsById,
  type GrowthDay,
  invoicedAccounts,
} from "../../../domain/billing/billed-account-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { namedAccount, requireBillingAdmin } from "../billing-admin.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { quotaUsages } from "../quota-usage.js";
import { SelfObject, selfObject } from "./account-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now"> & { readonly directory: Directory };

const MOST_INVOICED = 10_000;
const MOST_LOOKED_UP = 1000;
const GROWTH_TTL_MS = 600_000;
const MOST_GROWTH_DAYS = 3660;

const LookupBody = Type.Object({ user_ids: Type.Array(Type.String(), { maxItems: MOST_LOOKED_UP }) });
const InvoicingBody = Type.Object({ unlimited: Type.Optional(Type.Boolean()) });

const QuotaUsage = Type.Object({ chute_id: Type.String(), quota: Type.Integer(), used: Type.Number() });
const LookedUp = Type.Object({ ...SelfObject.properties, quotas: Type.Array(QuotaUsage) });
const Growth = Type.Array(
  Type.Object({ date: Type.String(), daily_count: Type.Integer(), cumulative_count: Type.Integer() }),
);

/** What administrators of billing see of users. @see protocol 01 §8 */
export const adminUserRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { config, db, now, directory } = deps;
  const self = ({ account, effectiveBalanceMicroUsd }: BilledAccount) =>
    selfObject(config, account, effectiveBalanceMicroUsd);

  const invoiced = { config: { auth: { purpose: "me" } }, schema: { response: { 200: Type.Array(SelfObject) } } };
  app.get("/users/invoiced_user_list", invoiced, async (request) => {
    requireBillingAdmin(request, now);
    return (await invoicedAccounts(db, now(), MOST_INVOICED)).map(self);
  });

  const lookup = { config: { auth: {} }, schema: { body: LookupBody, response: { 200: Type.Array(LookedUp) } } };
  app.post("/users/batch_user_lookup", lookup, async (request) => {
    requireBillingAdmin(request, now);
    const ids = [...new Set(checkedBody(request, LookupBody).user_ids)];
    if (ids.length === 0) return [];
    const [found, quotas] = await Promise.all([billedAccountsById(db, now(), ids), quotaUsages(deps, ids)]);
    const known = ids.map((id) => found.get(id)).filter((billed) => billed !== undefined);
    return known.map((billed) => ({ ...self(billed), quotas: quotas.get(billed.account.userId) ?? [] }));
  });

  const invoicing = {
    config: { auth: {} },
    schema: { params: Type.Object({ user: Type.String() }), body: InvoicingBody, response: { 200: SelfObject } },
  };
  app.post("/users/:user/enable_invoicing", invoicing, async (request) => {
    const change = requireBillingAdmin(request, now);
    const wanted = request.rawBody.length === 0 ? {} : checkedBody(request, InvoicingBody);
    const { userId } = await namedAccount(db, request.params.user);
    const grant = PERMISSION.invoiceBilling | (wanted.unlimited === true ? PERMISSION.unlimited : 0);
    await changePermissions(db, { ...change, userId, grant, revoke: 0, reason: "invoicing" });
    directory.drop({ kind: "account", id: userId });
    const [account, balance] = await Promise.all([accountById(db, userId), effectiveBalance(db, userId, now())]);
    if (account === undefined) throw new AppError("not_found", "User not found.");
    return selfObject(config, account, balance);
  });

  const growth = new ExpiringCache<readonly GrowthDay[]>({
    load: () => accountGrowth(db, MOST_GROWTH_DAYS),
    now,
    limit: 1,
    ttlMs: GROWTH_TTL_MS,
    negativeTtlMs: 0,
  });
  app.get("/users/growth", { schema: { response: { 200: Growth } } }, async () => {
    const days = (await growth.get("days")) ?? [];
    return days.map(({ date, count, total }) => ({ date, daily_count: count, cumulative_count: total }));
  });
};
