import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { exportManifest, publishedFile } from "../../../domain/audit/audit-index-repository.js";
import { exportPath } from "../../../domain/audit/audit-report.js";
import { recentLine } from "../../../domain/audit/export-line.js";
import { recentInvocations } from "../../../domain/audit/export-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { csvLine } from "../../../wire/csv.js";
import { RECENT_COLUMNS } from "../../../wire/invocation-csv.js";
import { stringifyJson } from "../../../wire/json.js";
import { decodeSs58 } from "../../../wire/ss58.js";
import { naiveIso } from "../../../wire/timestamps.js";
import type { ApiDeps } from "../deps.js";
import { sendObject } from "../send-object.js";

const DAY_MS = 86_400_000;
/** The oldest date that the wire knows. */
const FIRST_EXPORT = Date.UTC(2024, 11, 14);
const MAX_RECENT = 10_000;
const MANIFEST_LIMIT = 10_000;

const Hour = Type.Object({ year: Type.String(), month: Type.String(), day: Type.String(), file: Type.String() });

/** Public exports: no credentials. @see protocol 08 §3.1, §3.2, §3.9 */
export const exportRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "store" | "now">> = async (
  app,
  { db, store, now },
) => {
  app.get("/invocations/exports/:year/:month/:day/:file", { schema: { params: Hour } }, async (request, reply) => {
    const wanted = parseHour(request.params, now());
    const file = await publishedFile(db, wanted.path);
    if (file === undefined) throw notFound(wanted);
    reply.headers({
      "x-chutes-rows": file.rowCount,
      "x-chutes-window": `${naiveIso(file.start)}/${naiveIso(file.end)}`,
    });
    return sendObject(
      store,
      { request, reply },
      {
        key: wanted.path,
        contentType: "text/csv",
        sha256: file.sha256,
        fileName: wanted.fileName,
        isFinal: file.isFinal,
      },
    );
  });

  const RecentQuery = Type.Object({
    hotkey: Type.Optional(Type.String()),
    limit: Type.Optional(Type.String()),
    all: Type.Optional(Type.String()),
  });
  app.get("/invocations/exports/recent", { schema: { querystring: RecentQuery } }, async (request, reply) => {
    const { hotkey, all } = request.query;
    if (hotkey !== undefined && decodeSs58(hotkey) === undefined)
      throw new AppError("invalid", "hotkey is not an SS58 address");
    const rows = await recentInvocations(db, {
      since: new Date(now().getTime() - DAY_MS),
      hotkey,
      limit: recentLimit(request.query.limit),
      all: all === "true",
    });
    reply.headers({
      "content-type": "text/csv",
      "content-disposition": 'attachment; filename="recent.csv"',
      "cache-control": "public, max-age=60",
    });
    return reply.send(csvLine(RECENT_COLUMNS) + rows.map(recentLine).join(""));
  });

  const ManifestQuery = Type.Object({ from: Type.Optional(Type.String()), to: Type.Optional(Type.String()) });
  app.get("/invocations/exports/manifest", { schema: { querystring: ManifestQuery } }, async (request, reply) => {
    const from = dateOf(request.query.from, new Date(now().getTime() - 7 * DAY_MS), "from");
    const to = dateOf(request.query.to, new Date(now().getTime() + DAY_MS), "to");
    const rows = await exportManifest(db, { from, to, limit: MANIFEST_LIMIT });
    const lines = rows.map((row) =>
      stringifyJson({
        path: row.path,
        kind: row.kind,
        start: naiveIso(row.start),
        end: naiveIso(row.end),
        bytes: row.sizeBytes,
        rows: row.rowCount,
        sha256: row.sha256,
        block: row.block,
        final: row.isFinal,
      }),
    );
    return reply.type("application/jsonl").send(lines.map((line) => `${line}\n`).join(""));
  });
};

interface WantedHour {
  readonly path: string;
  readonly fileName: string;
  readonly text: string;
}

type Kind = "invocations" | "reports" | "jobs";

/** @throws AppError `invalid` for another file name, `unprocessable` for a date that is not numbers, `not_found` for one that cannot be */
function parseHour(params: { year: string; month: string; day: string; file: string }, now: Date): WantedHour {
  const match = /^(\d+)(?:-(reports|jobs))?\.csv$/.exec(params.file);
  if (match === null) throw new AppError("invalid", `Invalid format: ${params.file}`);
  const [year, month, day, hour] = [params.year, params.month, params.day, match[1] ?? ""].map((text) =>
    /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN,
  );
  if ([year, month, day, hour].some(Number.isNaN))
    throw new AppError("unprocessable", "year, month, day and hour must be numbers");
  const text = `year=${year} month=${month} day=${day} hour=${hour}`;
  const end = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour));
  // An impossible date rolls over to another one; comparing the parts finds it.
  const exact =
    end.getUTCFullYear() === year &&
    end.getUTCMonth() + 1 === month &&
    end.getUTCDate() === day &&
    end.getUTCHours() === hour;
  const inRange = end.getTime() >= FIRST_EXPORT && end.getTime() <= now.getTime() + 3_600_000;
  if (!exact || !inRange) throw notFound({ text });
  const kind = (match[2] ?? "invocations") as Kind;
  const stem = end.toISOString().slice(0, 13).replace("T", "-");
  return { path: exportPath(end, kind), fileName: `${stem}${kind === "invocations" ? "" : `-${kind}`}.csv`, text };
}

function notFound({ text }: { readonly text: string }): AppError {
  return new AppError("not_found", `Invocations export not found ${text}`);
}

function recentLimit(text: string | undefined): number {
  if (text === undefined || text === "") return 100;
  if (!/^-?\d{1,15}$/.test(text)) throw new AppError("invalid", "limit must be a number");
  const limit = Number(text);
  return limit <= 0 ? 100 : Math.min(limit, MAX_RECENT);
}

function dateOf(text: string | undefined, fallback: Date, name: string): Date {
  if (text === undefined) return fallback;
  const date = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(date.getTime())) throw new AppError("invalid", `${name} is not an ISO date`);
  return date;
}
