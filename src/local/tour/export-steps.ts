import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openPostgres } from "../../infra/postgres/client.js";
import { auditExportJob } from "../../jobs/audit-export/audit-export-job.js";
import { runJobOnce } from "../../jobs/job-runner.js";
import { type JobSources, openJobSources } from "../../jobs/job-sources.js";
import { AppError } from "../../kernel/errors.js";
import { pause } from "../../kernel/lifecycle.js";
import { apiUrl } from "../hosts.js";
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
}

interface Report {
  readonly csv_exports: Readonly<Record<"invocations" | "reports", { readonly path: string; readonly sha256: string }>>;
  readonly export: { readonly closed_at: string | null };
}

/** The index lists it, the chain holds its hash, and the files have the hashes it names. @see protocol 08 §3 */
export async function downloadExport(state: TourState): Promise<void> {
  const listed = await state.http.requestJson(`${apiUrl(state.config)}/audit/`);
  const entry = (listed.body as IndexEntry[]).filter(({ hotkey }) => hotkey === state.config.validator.ss58).at(-1);
  expectThat(entry !== undefined, "GET /audit/ lists no report of this validator");
  const report = await download(state, `/audit/download?path=${encodeURIComponent(entry.path)}`, `${entry.block}.json`);
  const sources = await openJobSources({
    config: state.config,
    log: state.log,
    now: () => new Date(),
    signal: state.signal,
  });
  const committed = await sources.chain
    .commitmentAt({ netuid: state.config.netuid, hotkey: entry.hotkey, block: entry.block })
    .finally(() => sources.close());
  expectThat(
    committed.kind === "sha256" && committed.hex === report.sha256,
    `the report's hash ${report.sha256} is not the one on chain (${JSON.stringify(committed)})`,
  );
  const { csv_exports, export: meta } = JSON.parse(report.text) as Report;
  const csv = await downloadCsv(state, csv_exports.invocations);
  const reports = await downloadCsv(state, csv_exports.reports);
  for (const id of state.invocationIds) expectThat(csv.text.includes(id), `the export lacks invocation ${id}`);
  const closedAt = new Date(`${found(meta.closed_at ?? undefined, "closing time in the report")}Z`);
  state.exported = { csv: csv.path, reports: reports.path, audit: report.path, closedAt };
  state.facts["export"] = {
    path: csv_exports.invocations.path,
    sha256: csv_exports.invocations.sha256,
    block: entry.block,
  };
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
