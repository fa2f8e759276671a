import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import {
  type AuditEntry,
  auditEntries,
  listedReport,
  publishedFile,
} from "../../../domain/audit/audit-index-repository.js";
import type { Db } from "../../../infra/postgres/client.js";
import { AppError } from "../../../kernel/errors.js";
import { stringifyJson } from "../../../wire/json.js";
import { naiveIso } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";
import { instantOf } from "../instant.js";
import { CACHE, sendBytes, sendObject } from "../send-object.js";

const WINDOW_MS = (7 * 24 + 1) * 3_600_000;
const MAX_ENTRIES = 50_000;

const OptionalText = Type.Optional(Type.String());
const IndexQuery = Type.Object({
  hotkey: OptionalText,
  role: Type.Optional(Type.Union([Type.Literal("validator"), Type.Literal("miner")])),
  since: OptionalText,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_ENTRIES })),
});
const DownloadQuery = Type.Object({ path: Type.String() });

/** The index of committed reports: no credentials. @see protocol 08 §3.3, §3.4 */
export const auditRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "store" | "now">> = async (
  app,
  { db, store, now },
) => {
  app.get("/audit/", { schema: { querystring: IndexQuery } }, async (request, reply) => {
    const { hotkey, role, limit = MAX_ENTRIES } = request.query;
    const since = instantOf(request.query.since, "since") ?? new Date(now().getTime() - WINDOW_MS);
    const entries = await auditEntries(db, { since, hotkey, role, limit });
    const how = { contentType: "application/json", cacheControl: CACHE.revalidate };
    await sendBytes({ request, reply }, Buffer.from(stringifyJson(entries.map(toWire))), how);
    return reply;
  });

  app.get("/audit/download", { schema: { querystring: DownloadQuery } }, async (request, reply) => {
    const { path } = request.query;
    const listed = await listedObject(db, path);
    if (listed === undefined || !(await sendObject(store, { request, reply }, { key: path, ...listed }))) {
      throw new AppError("not_found", `No audit entry matches path='${path}'`);
    }
    return reply;
  });
};

/** Only what the index lists, itself or through a report, is looked for in the store. */
async function listedObject(db: Db, path: string) {
  const contentType = path.endsWith("json") ? "application/json" : "text/csv";
  const report = await listedReport(db, path);
  if (report !== undefined) return { sha256: report.sha256, contentType, cacheControl: CACHE.forever };
  const file = await publishedFile(db, path);
  if (file === undefined || file.isExpired) return undefined;
  const { sha256, sizeBytes, isFinal } = file;
  return { sha256, sizeBytes, contentType, cacheControl: isFinal ? CACHE.forever : CACHE.revalidate };
}

function toWire(entry: AuditEntry) {
  return {
    ...entry,
    created_at: naiveIso(entry.created_at),
    start_time: naiveIso(entry.start_time),
    end_time: naiveIso(entry.end_time),
  };
}
