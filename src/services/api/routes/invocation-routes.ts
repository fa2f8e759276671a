import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { recentUsage } from "../../../domain/billing/usage-repository.js";
import { fileReport } from "../../../domain/invocations/report-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { cachedJson } from "../cached-json.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import { accountOf } from "../principal.js";

const USAGE_DAYS = 11;
const DAY_MS = 86_400_000;
const CACHE_MS = 300_000;

const UsageRow = Type.Object({
  chute_id: Type.String(),
  date: Type.String(),
  usd_amount: Type.Number(),
  invocation_count: Type.Integer(),
});
const Report = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 2000 }) });
const Reported = Type.Object({ status: Type.String() });
const Invocation = Type.Object({ invocation_id: Type.String({ maxLength: 64 }) });

/** Usage in public, and reports of bad answers. @see protocol 04 §12.2, §12.7, 08 §3.7 */
export const invocationRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "now">> = async (app, { db, now }) => {
  const sendUsage = cachedJson({
    now,
    limit: 1,
    ttlMs: CACHE_MS,
    load: async () => {
      const first = new Date(now().getTime() - (USAGE_DAYS - 1) * DAY_MS).toISOString().slice(0, 10);
      return (await recentUsage(db, first)).map((day) => ({
        chute_id: day.chuteId,
        date: day.date,
        usd_amount: Number(day.amountMicroUsd) / 1e6,
        invocation_count: day.count,
      }));
    },
  });
  const usage = { schema: { response: { 200: Type.Array(UsageRow) } } };
  app.get("/invocations/usage", usage, (_request, reply) => sendUsage(reply, ""));

  const report = { schema: { params: Invocation, body: Report, response: { 200: Reported } }, config: { auth: {} } };
  app.post("/invocations/:invocation_id/report", report, async (request) => {
    const { reason } = checkedBody(request, Report);
    const invocationId = request.params.invocation_id;
    const { userId } = accountOf(request);
    const outcome = await fileReport(db, { invocationId, userId, reason, now: now() });
    if (outcome === "unknown") throw new AppError("not_found", "Invocation not found, or does not belong to you");
    if (outcome === "repeated") throw new AppError("conflict", "A report has already been filed for this invocation");
    return { status: `report received for invocation_id='${invocationId}'` };
  });
};
