import { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import {
  type ComputeSpanRow,
  computeSpanRows,
  reconciliationRows,
} from "../../../domain/instances/instance-feed-repository.js";
import { deleteInstance } from "../../../domain/instances/instance-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import { AppError } from "../../../kernel/errors.js";
import { csvLine, pythonFloat } from "../../../wire/csv.js";
import { ipToken } from "../../../wire/ids.js";
import { csvTimestamp } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now">;
type Plugin = FastifyPluginAsyncTypebox<Deps>;

/** Scoring and audits compare this text literally. @see protocol 05 §6.7 */
const MINER_DELETED = "miner initialized";
const PAGE_ROWS = 1000;
const HOUR_MS = 3_600_000;
const RECONCILIATION_MS = (7 * 24 + 1) * HOUR_MS;
const HISTORY_MS = 8 * 24 * HOUR_MS;

/** Instances as miners end them, and as auditors follow them. @see protocol 05 §6.7, §6.10, 08 §3.6 */
export const instanceRoutes: Plugin = async (app, deps) => {
  await app.register(feedRoutes, deps);
  const { config, db, now } = deps;
  app.delete(
    "/instances/:chute_id/:instance_id",
    {
      config: { auth: { purpose: "instances", registered: true } },
      schema: { params: Type.Object({ chute_id: Type.String(), instance_id: Type.String() }) },
    },
    async (request) => {
      const { chute_id: chuteId, instance_id: instanceId } = request.params;
      const ownedBy = { chuteId, minerHotkey: request.principal.hotkey ?? "" };
      const deleted = await deleteInstance(db, { instanceId, reason: MINER_DELETED, now: now(), ownedBy });
      if (!deleted) throw new AppError("not_found", `Instance ${instanceId} not found`);
      return { instance_id: instanceId, deleted: true };
    },
  );

  app.get(
    "/instances/token_check",
    { schema: { querystring: Type.Object({ salt: Type.Optional(Type.String()) }) } },
    async (request) => {
      const serverSalt = config.accounts.ipCheckSalt;
      return { token: ipToken({ ip: request.clientAddress, serverSalt, salt: request.query.salt }) };
    },
  );
};

const feedRoutes: Plugin = async (app, { db, now }) => {
  app.get("/instances/reconciliation_csv", async (_request, reply) => {
    const since = new Date(now().getTime() - RECONCILIATION_MS);
    return sendCsv(reply, "audit-reconciliation.csv", reconciliationLines(db, since));
  });
  app.get("/instances/compute_history_csv", async (_request, reply) => {
    const since = new Date(now().getTime() - HISTORY_MS);
    return sendCsv(reply, "compute-history.csv", computeHistoryLines(db, since));
  });
};

async function* reconciliationLines(db: Db, since: Date): AsyncGenerator<string> {
  yield csvLine(["instance_id", "deleted_at"]);
  for (let after: string | undefined = ""; after !== undefined; ) {
    const rows = await reconciliationRows(db, { since, after, limit: PAGE_ROWS });
    yield rows.map((row) => csvLine([row.instance_id, timestampOrEmpty(row.deleted_at)])).join("");
    after = rows.at(-1)?.instance_id;
  }
}

async function* computeHistoryLines(db: Db, since: Date): AsyncGenerator<string> {
  yield csvLine(["instance_id", "compute_multiplier", "started_at", "ended_at"]);
  for (let after: readonly [string, string] | undefined = ["", BEGINNING]; after !== undefined; ) {
    const rows: ComputeSpanRow[] = await computeSpanRows(db, { since, after, limit: PAGE_ROWS });
    yield rows.map(spanLine).join("");
    const last = rows.at(-1);
    after = last && [last.instance_id, last.started_at];
  }
}

/** Before any instance. */
const BEGINNING = "1970-01-01 00:00:00.000000";

function spanLine(row: ComputeSpanRow): string {
  const multiplier = pythonFloat(row.compute_multiplier);
  return csvLine([row.instance_id, multiplier, csvTimestamp(row.started_at), timestampOrEmpty(row.ended_at)]);
}

function timestampOrEmpty(text: string | null): string {
  return text === null ? "" : csvTimestamp(text);
}

/** Read failures break the connection: auditors delete what a list that ends normally does not hold. */
function sendCsv(reply: FastifyReply, fileName: string, lines: AsyncIterable<string>): FastifyReply {
  return reply
    .type("text/csv; charset=utf-8")
    .header("content-disposition", `attachment; filename="${fileName}"`)
    .header("cache-control", "public, max-age=60")
    .send(Readable.from(lines, { objectMode: false }));
}
