import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openChain } from "../../infra/chain/open.js";
import { openPostgres } from "../../infra/postgres/client.js";
import { auditExportJob } from "../../jobs/audit-export/audit-export-job.js";
import { runJobOnce } from "../../jobs/job-runner.js";
import { type JobSources, openJobSources } from "../../jobs/job-sources.js";
import { apiUrl } from "../../kernel/config/api-url.js";
import { AppError } from "../../kernel/errors.js";
import { pause } from "../../kernel/lifecycle.js";
import { expectThat, found, type TourState } from "./tour-state.js";

const ROWS_TIMEOUT_MS = 10_000;
const LEASE_TRIES = 20;

/** Every completion left a finished row with its metrics and its charge of nothing. @see protocol 04 §9, §11 */
export async function findInvocationRows(state: TourState): Promise<void> {
  const db = openPostgres({ ...state.config.postgres, poolSize: 1 });
  try {
    const deadline = performance.now() + ROWS_TIMEOUT_MS;
    let rows = await completedRows(db, state);
    while (rows.length < state.invocationIds.length && performance.now() < deadline) {
      await pause(100, state.signal);
      rows = await completedRows(db, state);
    }
    expectThat(
      rows.length === state.invocationIds.length,
      `${rows.length} of ${state.invocationIds.length} invocations have a finished row`,
    );
    for (const { metrics } of rows) {
      const { it, ot } = (metrics ?? {}) as { it?: number; ot?: number };
      expectThat((it ?? 0) > 0 && (ot ?? 0) > 0, `a row lacks token counts: ${JSON.stringify(metrics)}`);
    }
    state.facts["invocations"] = rows.length;
  } finally {
    await db.destroy();
  }
}

function completedRows(db: ReturnType<typeof openPostgres>, state: TourState) {
  return db
    .selectFrom("invocations")
    .select(["invocation_id", "metrics"])
    .where("parent_invocation_id", "in", state.invocationIds)
    .where("completed_at", "is not", null)
    .where("error_message", "is", null)
    .execute();
}

/** Closes the running hour early, as an operator could, and publishes it: files, report, commitment, index. @see protocol 08 §2 */
export async function exportHour(state: TourState): Promise<void> {
  const sources = await openJobSources({
    config: state.config,
    log: state.log,
    now: () => new Date(),
    signal: state.signal,
  });
  try {
    await runWhenFree(sources);
  } finally {
    await sources.close();
  }
}

/** The platform's own worker may hold the lease for a moment. */
async function runWhenFree(sources: JobSources): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await runJobOnce(sources.runner, auditExportJob(sources, { closeNow: true }));
      return;
    } catch (error) {
      if (tries === LEASE_TRIES || !(error instanceof AppError) || error.code !== "JOB001") throw error;
      await pause(500, sources.runner.signal);
    }
  }
}

interface IndexEntry {
  readonly hotkey: string;
  readonly block: number;
  readonly path: string;
  readonly start_time: string;
}

interface Report {
  readonly csv_exports: Readonly<Record<"invocations" | "reports", { readonly path: string; readonly sha256: string }>>;
  readonly export: { readonly closed_at: string | null; readonly end_time: string };
}

/** A report and its files, downloaded and compared with what was committed. */
interface Downloaded {
  readonly start: Date;
  readonly closedAt: Date;
  readonly block: number;
  readonly csvPath: string;
  readonly sha256: string;
  readonly paths: { readonly csv: string; readonly reports: string; readonly audit: string };
  /** Which of the tour's invocations it holds. */
  readonly ids: readonly string[];
}

/** The index lists it, the chain holds its hash, and the files have the hashes it names. @see protocol 08 §3 */
export async function downloadExport(state: TourState): Promise<void> {
  const listed = await state.http.requestJson(`${apiUrl(state.config)}/audit/`);
  const own = (listed.body as IndexEntry[]).filter(({ hotkey }) => hotkey === state.config.validator.ss58);
  // The newest report of each hour; a tour that crosses the hour finds its calls in the last two.
  const newest = [...new Map(own.map((entry) => [entry.start_time, entry])).values()].slice(-2);
  expectThat(newest.length > 0, "GET /audit/ lists no report of this validator");
  const downloads: Downloaded[] = [];
  for (const entry of newest) downloads.push(await downloadReport(state, entry));
  const ids = new Set(downloads.flatMap((download) => download.ids));
  for (const id of state.invocationIds) expectThat(ids.has(id), `the export lacks invocation ${id}`);
  const holder = found(
    downloads.findLast((download) => download.ids.length > 0),
    "export with its calls",
  );
  const last = found(downloads.at(-1), "export");
  state.exported = { ...holder.paths, start: holder.start, closedAt: last.closedAt };
  state.facts["export"] = { path: holder.csvPath, sha256: holder.sha256, block: holder.block };
}

async function downloadReport(state: TourState, entry: IndexEntry): Promise<Downloaded> {
  const report = await download(state, `/audit/download?path=${encodeURIComponent(entry.path)}`, `${entry.block}.json`);
  await expectCommitted(state, entry, report.sha256);
  const { csv_exports, export: meta } = JSON.parse(report.text) as Report;
  const csv = await downloadCsv(state, csv_exports.invocations);
  const reports = await downloadCsv(state, csv_exports.reports);
  return {
    start: new Date(`${entry.start_time}Z`),
    closedAt: new Date(`${meta.closed_at ?? meta.end_time}Z`),
    block: entry.block,
    csvPath: csv_exports.invocations.path,
    sha256: csv.sha256,
    paths: { csv: csv.path, reports: reports.path, audit: report.path },
    ids: state.invocationIds.filter((id) => csv.text.includes(id)),
  };
}

async function expectCommitted(state: TourState, { hotkey, block }: IndexEntry, sha256: string): Promise<void> {
  const chain = await openChain(state.config.chain, state.log);
  try {
    const committed = await chain.commitmentAt({ netuid: state.config.netuid, hotkey, block });
    const agrees = committed.kind === "sha256" && committed.hex === sha256;
    expectThat(agrees, `the report's hash ${sha256} is not the one on chain (${JSON.stringify(committed)})`);
  } finally {
    await chain.close();
  }
}

async function downloadCsv(state: TourState, file: { path: string; sha256: string }) {
  const got = await download(
    state,
    `/${file.path.replace("invocations/", "invocations/exports/")}`,
    file.path.replaceAll("/", "-"),
  );
  expectThat(got.sha256 === file.sha256, `${file.path} has hash ${got.sha256}, its report says ${file.sha256}`);
  return got;
}

async function download(
  state: TourState,
  path: string,
  name: string,
): Promise<{ path: string; text: string; sha256: string }> {
  const answer = await state.http.request(`${apiUrl(state.config)}${path}`, { signal: state.signal });
  expectThat(answer.status === 200, `GET ${path} answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
  const target = join(state.workDir, name);
  await writeFile(target, answer.body);
  return { path: target, text: answer.body.toString(), sha256: createHash("sha256").update(answer.body).digest("hex") };
}
