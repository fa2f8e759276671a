import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { PERMISSION } from "../../../domain/accounts/account.js";
import { accountById } from "../../../domain/accounts/account-repository.js";
import { type UsageHour, type UsageQuestion, usagePage, usageTotal } from "../../../domain/billing/usage-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { instantOf } from "../instant.js";
import { queryFlag } from "../miners/query-flag.js";
import { pageParameters } from "../page-query.js";
import { accountOf, requirePermission } from "../principal.js";

const DEFAULT_LIMIT = 24;
/** The number of all items of a busy user takes a while to count, and grows by a few an hour. */
const TOTAL_TTL_MS = 60_000;
const CACHED_TOTALS = 5000;
const DAY_MS = 86_400_000;

const User = Type.Object({ user_id: Type.String({ maxLength: 64 }) });
const UsageQuery = Type.Object({
  ...pageParameters({ lowest: 1, highest: 1000 }),
  per_chute: Type.Optional(Type.String()),
  chute_id: Type.Optional(Type.String({ maxLength: 64, pattern: "^[\\w-]*$" })),
  start_date: Type.Optional(Type.String({ maxLength: 40 })),
  end_date: Type.Optional(Type.String({ maxLength: 40 })),
});
const UsageItem = Type.Object({
  bucket: Type.String(),
  amount: Type.Number(),
  count: Type.Integer(),
  chute_id: Type.Optional(Type.String()),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
});
const Page = Type.Object({
  total: Type.Integer(),
  page: Type.Integer(),
  limit: Type.Integer(),
  items: Type.Array(UsageItem),
});

/** What an account used, hour by hour. @see protocol 01 §6.5 */
export const usageRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "now">> = async (app, { db, now }) => {
  const totals = new ExpiringCache<number>({
    load: (key) => usageTotal(db, questionOf(key)),
    now,
    limit: CACHED_TOTALS,
    ttlMs: TOTAL_TTL_MS,
    negativeTtlMs: 0,
  });

  const route = {
    config: { auth: { purpose: "me" } },
    schema: { params: User, querystring: UsageQuery, response: { 200: Page } },
  };
  app.get("/users/:user_id/usage", route, async (request) => {
    const userId = await askedUser(db, request, request.params.user_id);
    const { page = 0, limit = DEFAULT_LIMIT } = request.query;
    const question = { userId, ...filterOf(request.query) };
    const offset = page * limit;
    const [items, known = 0] = await Promise.all([
      usagePage(db, { ...question, limit, offset }),
      totals.get(JSON.stringify(question)),
    ]);
    const total = items.length === 0 ? known : Math.max(known, offset + items.length);
    return { total, page, limit, items: items.map(usageItem) };
  });
};

/** Oneself, or somebody else for those who look after the money. */
async function askedUser(db: Db, request: FastifyRequest, asked: string): Promise<string> {
  const self = accountOf(request);
  if (asked === "me" || asked === self.userId) return self.userId;
  requirePermission(request, PERMISSION.billingAdmin);
  const account = await accountById(db, asked);
  if (account === undefined) throw new AppError("not_found", "User not found.");
  return account.userId;
}

function filterOf(query: Static<typeof UsageQuery>) {
  return {
    perChute: queryFlag(query, "per_chute"),
    chuteId: query.chute_id || undefined,
    from: instantOf(query.start_date, "start_date"),
    until: endOf(query.end_date),
  };
}

/** A question that was written as JSON, where times are text. */
function questionOf(key: string): UsageQuestion {
  const { from, until, ...rest } = JSON.parse(key) as UsageQuestion & { from?: string; until?: string };
  return {
    ...rest,
    from: from === undefined ? undefined : new Date(from),
    until: until === undefined ? undefined : new Date(until),
  };
}

/** Hours up to that moment, which is part of the range; a date stands for all of its day. */
function endOf(text: string | undefined): Date | undefined {
  const end = instantOf(text, "end_date");
  return end && new Date(end.getTime() + (/^\d{4}-\d\d-\d\d$/.test(text ?? "") ? DAY_MS : 1));
}

function usageItem(hour: UsageHour): Static<typeof UsageItem> {
  return {
    bucket: hour.bucket.toISOString().slice(0, 19),
    amount: Number(hour.amountMicroUsd) / 1e6,
    count: hour.count,
    ...(hour.chuteId !== undefined && { chute_id: hour.chuteId }),
    input_tokens: hour.inputTokens,
    output_tokens: hour.outputTokens,
  };
}
