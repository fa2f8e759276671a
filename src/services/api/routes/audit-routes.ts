import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import {
  type AuditEntry,
  auditEntries,
  listedReport,
  publishedFile,
} from "../../../domain/audit/audit-index-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { naiveIso } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";
import { sendObject } from "../send-object.js";

const WINDOW_MS = (7 * 24 + 1) * 3_600_000;
const MAX_ENTRIES = 50_000;

/** The index of committed reports: no credentials. @see protocol 08 §3.3, §3.4 */
export const auditRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "store" | "now">> = async (
  app,
  { db, store, now },
) => {
  const Query = Type.Object({
    hotkey: Type.Optional(Type.String()),
    role: Type.Optional(Type.String()),
    since: Type.Optional(Type.String()),
  });
  app.get("/audit/", { schema: { querystring: Query } }, async (request) => {
    const { hotkey, role, since } = request.query;
    const from = since === undefined ? new Date(now().getTime() - WINDOW_MS) : new Date(since);
    if (Number.isNaN(from.getTime())) throw new AppError("invalid", "since is not an ISO date");
    return (await auditEntries(db, { since: from, hotkey, role, limit: MAX_ENTRIES })).map(toWire);
  });

  app.get(
    "/audit/download",
    { schema: { querystring: Type.Object({ path: Type.String() }) } },
    async (request, reply) => {
      const { path } = request.query;
      const sha256 = (await listedReport(db, path))?.sha256 ?? (await publishedFile(db, path))?.sha256;
      if (sha256 === undefined) throw new AppError("not_found", `No audit entry matches path='${path}'`);
      const contentType = path.endsWith("json") ? "application/json" : "text/csv";
      return sendObject(store, { request, reply }, { key: path, contentType, sha256, isFinal: path.endsWith("json") });
    },
  );
};

function toWire(entry: AuditEntry) {
  return {
    ...entry,
    created_at: naiveIso(entry.created_at),
    start_time: naiveIso(entry.start_time),
    end_time: naiveIso(entry.end_time),
  };
}
