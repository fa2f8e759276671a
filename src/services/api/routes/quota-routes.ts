import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import type { Account } from "../../../domain/accounts/account.js";
import {
  type NewQuota,
  quotasOf,
  replaceQuotas,
  type StoredQuota,
  setQuotaDate,
} from "../../../domain/billing/entitlement-repository.js";
import { isPrivate } from "../../../domain/chutes/chute.js";
import { isOpenTo, isUnbilled, quotaRule, quotaScope } from "../../../domain/invocations/admission.js";
import { redisKeys } from "../../../infra/redis/keys.js";
import { AppError } from "../../../kernel/errors.js";
import { zuluIso } from "../../../wire/timestamps.js";
import { namedAccount, requireBillingAdmin } from "../billing-admin.js";
import { checkedBody } from "../checked-body.js";
import { defaultRules } from "../default-rules.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { accountOf } from "../principal.js";
import { usedCalls } from "../quota-usage.js";
import { effectiveDateOf, quotasIn } from "./quota-bodies.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now"> & { readonly directory: Directory };

const NullableText = Type.Union([Type.String(), Type.Null()]);
const QuotaRow = Type.Object({
  user_id: Type.String(),
  chute_id: Type.String(),
  is_default: Type.Boolean(),
  payment_refresh_date: NullableText,
  updated_at: Type.String(),
  quota: Type.Integer(),
});
/** Rows; without any the operator's defaults; nothing for users who have no quota. */
const Quotas = Type.Union([Type.Array(QuotaRow), Type.Record(Type.String(), Type.Number())]);
const QuotaSet = Type.Record(
  Type.String(),
  Type.Union([
    Type.Integer(),
    Type.Object({ quota: Type.Integer(), effective_date: NullableText, updated_at: Type.String() }),
  ]),
);
const Usage = Type.Object({ quota: Type.Union([Type.Integer(), Type.Literal("unlimited")]), used: Type.Number() });
const DatedQuota = Type.Object({
  user_id: Type.String(),
  chute_id: Type.String(),
  quota: Type.Integer(),
  effective_date: NullableText,
  updated_at: Type.String(),
});

const UserParams = Type.Object({ user: Type.String() });
const QuotaParams = Type.Object({ user: Type.String(), chute_id: Type.String() });
const QuotasBody = Type.Record(
  Type.String(),
  Type.Unknown({ description: "calls a day, or { quota, effective_date }" }),
);
const DateBody = Type.Object({ effective_date: Type.Unknown({ description: "ISO time with its zone, or null" }) });
const ME = { config: { auth: { purpose: "me" } } };

/** Calls that users have free, and how many are left. @see protocol 01 §6.5, §8, §9.2 */
export const quotaRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, now, directory } = deps;
  const { quotas: defaults } = defaultRules(deps.config);

  const listOf = async (account: Account): Promise<Static<typeof Quotas>> => {
    if (isUnbilled(account)) return {};
    const rows = (await quotasOf(db, [account.userId])).get(account.userId) ?? [];
    return rows.length === 0 ? Object.fromEntries(defaults) : rows.map((row) => toRow(account.userId, row));
  };
  app.get("/users/me/quotas", { ...ME, schema: { response: { 200: Quotas } } }, (request) =>
    listOf(accountOf(request)),
  );

  const usage = { ...ME, schema: { params: Type.Object({ chute_id: Type.String() }), response: { 200: Usage } } };
  app.get("/users/me/quota_usage/:chute_id", usage, (request) =>
    usageOf(deps, { account: accountOf(request), chuteId: request.params.chute_id, defaults }),
  );

  const list = { ...ME, schema: { params: UserParams, response: { 200: Quotas } } };
  app.get("/users/:user/quotas", list, async (request) => {
    requireBillingAdmin(request, now);
    return listOf(await namedAccount(db, request.params.user));
  });

  const replace = {
    config: { auth: {} },
    schema: { params: UserParams, body: QuotasBody, response: { 200: QuotaSet } },
  };
  app.post("/users/:user/quotas", replace, async (request) => {
    const change = requireBillingAdmin(request, now);
    const body = checkedBody(request, QuotasBody);
    const quotas = quotasIn(body, now());
    const { userId } = await namedAccount(db, request.params.user);
    if (!(await replaceQuotas(db, { ...change, userId }, quotas))) throw new AppError("not_found", "User not found.");
    directory.drop({ kind: "account", id: userId });
    return quotaSet(body, quotas, change.now);
  });

  const date = { config: { auth: {} }, schema: { params: QuotaParams, body: DateBody, response: { 200: DatedQuota } } };
  app.put("/users/:user/quotas/:chute_id/effective_date", date, async (request) => {
    const change = requireBillingAdmin(request, now);
    const body = checkedBody(request, DateBody);
    const effectiveDate = effectiveDateOf(body.effective_date, now());
    const { userId } = await namedAccount(db, request.params.user);
    const { chute_id: chuteId } = request.params;
    const quota = await setQuotaDate(db, { ...change, userId }, { chuteId, effectiveDate });
    if (quota === undefined) throw new AppError("not_found", "The user has no quota for this chute.");
    directory.drop({ kind: "account", id: userId });
    return { user_id: userId, chute_id: chuteId, quota: quota.quota, ...datesOf(quota) };
  });
};

interface Asked {
  readonly account: Account;
  readonly chuteId: string;
  readonly defaults: ReadonlyMap<string, number>;
}

/** Private chutes have no free calls; whoever may not see one is answered as if it did not exist. @see protocol 01 §9.2 */
async function usageOf(deps: Deps, { account, chuteId, defaults }: Asked): Promise<Static<typeof Usage>> {
  if (isUnbilled(account)) return { quota: "unlimited", used: 0 };
  const { config, db, redis, now, directory } = deps;
  const { userId } = account;
  const [rows, chute] = await Promise.all([quotasOf(db, [userId]), directory.chuteById(chuteId)]);
  const own = new Map((rows.get(userId) ?? []).map((row) => [row.chuteId, row.quota]));
  const rule = quotaRule(chuteId, own, defaults);
  const [used = 0] = await usedCalls(redis, [redisKeys.quotaUsed(now(), userId, quotaScope(chuteId, rule))]);
  const isVisible =
    chute !== undefined && (isOpenTo(chute, account) || (await directory.isSharedWith({ chuteId, userId })));
  const isCharged = isVisible && isPrivate(chute, config.platformUsername);
  return { quota: isCharged ? 0 : Math.trunc(rule.value), used };
}

function toRow(userId: string, { chuteId, isDefault, effectiveDate, updatedAt, quota }: StoredQuota) {
  return {
    user_id: userId,
    chute_id: chuteId,
    is_default: isDefault,
    payment_refresh_date: effectiveDate && zuluIso(effectiveDate),
    updated_at: zuluIso(updatedAt),
    quota,
  };
}

/** Plain numbers are answered as they came; once a date is named, everything is told. */
function quotaSet(
  body: Readonly<Record<string, unknown>>,
  quotas: ReadonlyMap<string, NewQuota>,
  updatedAt: Date,
): Static<typeof QuotaSet> {
  const isPlain = Object.values(body).every((value) => typeof value === "number");
  const entries = [...quotas].map(([chuteId, set]) => {
    return [chuteId, isPlain ? set.quota : { quota: set.quota, ...datesOf({ ...set, updatedAt }) }] as const;
  });
  return Object.fromEntries(entries);
}

function datesOf({ effectiveDate, updatedAt }: Pick<StoredQuota, "effectiveDate" | "updatedAt">) {
  return { effective_date: effectiveDate && zuluIso(effectiveDate), updated_at: zuluIso(updatedAt) };
}
