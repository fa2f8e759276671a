import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { exportManifest, type ManifestRow, publishedFile } from "../../../domain/audit/audit-index-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { stringifyJson } from "../../../wire/json.js";
import { naiveIso } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";
import { wantedFile } from "../export-hour.js";
import { instantOf } from "../instant.js";
import { recentExports } from "../recent-export.js";
import { CACHE, sendBytes, sendObject } from "../send-object.js";

const DAY_MS = 86_400_000;
const MANIFEST_DAYS = 7;
const MANIFEST_LIMIT = 10_000;

const OptionalText = Type.Optional(Type.String());
const Hour = Type.Object({ year: Type.String(), month: Type.String(), day: Type.String(), file: Type.String() });
const RecentQuery = Type.Object({ hotkey: OptionalText, limit: OptionalText, all: OptionalText });
const ManifestQuery = Type.Object({ from: OptionalText, to: OptionalText });

/** Public exports: no credentials. @see protocol 08 §3.1, §3.2, §3.9 */
export const exportRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "store" | "now">> = async (
  app,
  { db, store, now },
) => {
  app.get("/invocations/exports/:year/:month/:day/:file", { schema: { params: Hour } }, async (request, reply) => {
    const wanted = wantedFile(request.params, now());
    const file = await publishedFile(db, wanted.path);
    if (file === undefined) throw wanted.notFound();
    if (file.isExpired) throw new AppError("gone", `${wanted.fileName} is past its retention`);
    const object = {
      key: wanted.path,
      contentType: "text/csv",
      fileName: wanted.fileName,
      sha256: file.sha256,
      sizeBytes: file.sizeBytes,
      cacheControl: file.isFinal ? CACHE.forever : CACHE.revalidate,
    };
    reply.headers({
      "x-chutes-rows": file.rowCount,
      "x-chutes-window": `${naiveIso(file.start)}/${naiveIso(file.end)}`,
    });
    if (!(await sendObject(store, { request, reply }, object))) throw wanted.notFound();
    return reply;
  });

  const recent = recentExports({ db, now });
  app.get("/invocations/exports/recent", { schema: { querystring: RecentQuery } }, async (request, reply) => {
    const csv = await recent(request.query);
    if (csv === undefined) throw new AppError("unavailable", "the newest invocations cannot be read");
    await sendBytes({ request, reply }, csv.bytes, {
      contentType: "text/csv",
      fileName: "recent.csv",
      cacheControl: "public, max-age=60",
      sha256: csv.sha256,
    });
    return reply;
  });

  app.get("/invocations/exports/manifest", { schema: { querystring: ManifestQuery } }, async (request, reply) => {
    const from = instantOf(request.query.from, "from") ?? new Date(now().getTime() - MANIFEST_DAYS * DAY_MS);
    const to = instantOf(request.query.to, "to") ?? new Date(now().getTime() + DAY_MS);
    const rows = await exportManifest(db, { from, to, limit: MANIFEST_LIMIT });
    const text = rows.map((row) => `${stringifyJson(manifestLine(row))}\n`).join("");
    const how = { contentType: "application/jsonl", cacheControl: CACHE.revalidate };
    await sendBytes({ request, reply }, Buffer.from(text), how);
    return reply;
  });
};

/** @see protocol 08 §3.9; `final` is false for an hour whose bytes will still be replaced */
function manifestLine(row: ManifestRow) {
  return {
    path: row.path,
    kind: row.kind,
    start: naiveIso(row.start),
    end: naiveIso(row.end),
    bytes: row.sizeBytes,
    rows: row.rowCount,
    sha256: row.sha256,
    block: row.block,
    entry_id: row.entryId,
    final: row.isFinal,
  };
}
