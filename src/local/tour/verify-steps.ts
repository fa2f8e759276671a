import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openChain } from "../../infra/chain/open.js";
import { apiUrl } from "../../kernel/config/api-url.js";
import { exitCodeOf, type VerifyReport } from "../../operator/verify/report.js";
import { verify } from "../../operator/verify/verify.js";
import { expectThat, found, type TourState } from "./tour-state.js";

const HOUR_MS = 3_600_000;

/** The auditor's view: from the API and the chain alone. @see protocol 08 §7 */
export async function verifyAgrees(state: TourState): Promise<void> {
  const { closedAt, start } = found(state.exported, "export");
  const chain = await openChain(state.config.chain, state.log);
  try {
    const end = new Date(Math.ceil(closedAt.getTime() / HOUR_MS) * HOUR_MS);
    const options = {
      netuid: state.config.netuid,
      api: apiUrl(state.config),
      dir: join(state.workDir, "verify"),
      hotkey: state.config.validator.ss58,
      from: start,
      to: end,
      asOf: closedAt,
    };
    const report = await verify(options, { chain, now: () => new Date(), signal: state.signal });
    expectThat(exitCodeOf(report) === 0, `verify does not agree (${report.verdict}): ${worst(report)}`);
    for (const id of ["V03", "V04", "V08", "V09"]) expectStatus(report, id, "ok");
    state.facts["verify"] = report.verdict;
  } finally {
    await chain.close();
  }
}

/** One byte of the CSV changed: named by both hashes. */
export async function flippedByteIsNamed(state: TourState): Promise<void> {
  const { csv } = found(state.exported, "export");
  const bytes = await readFile(csv);
  const at = bytes.length - 20;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  const report = await verifyCopy(state, { name: "flipped.csv", bytes });
  expectThat(exitCodeOf(report) === 3, `a flipped byte gave ${report.verdict}`);
  expectThat(textOf(report, "V04").includes("flipped.csv"), `V04 does not name the file: ${textOf(report, "V04")}`);
}

/** One row of the CSV removed: named by the count the report committed to. */
export async function removedRowIsNamed(state: TourState): Promise<void> {
  const { csv } = found(state.exported, "export");
  const lines = (await readFile(csv, "utf8")).split("\r\n");
  lines.splice(1, 1);
  const report = await verifyCopy(state, { name: "short.csv", bytes: Buffer.from(lines.join("\r\n")) });
  expectThat(exitCodeOf(report) === 3, `a removed row gave ${report.verdict}`);
  const text = textOf(report, "V04") + textOf(report, "V05");
  expectThat(text.includes("short.csv") && /rows/.test(text), `the missing row is not named: ${text}`);
}

async function verifyCopy(state: TourState, copy: { name: string; bytes: Buffer }): Promise<VerifyReport> {
  const { audit, reports } = found(state.exported, "export");
  const path = join(state.workDir, copy.name);
  await writeFile(path, copy.bytes);
  const options = { netuid: state.config.netuid, csv: [path], reports: [reports], audit: [audit] };
  return verify(options, { now: () => new Date(), signal: state.signal });
}

function expectStatus(report: VerifyReport, id: string, status: string): void {
  const check = report.checks.find((candidate) => candidate.id === id);
  expectThat(check?.status === status, `${id} is ${check?.status ?? "missing"}: ${textOf(report, id)}`);
}

function textOf(report: VerifyReport, id: string): string {
  const check = report.checks.find((candidate) => candidate.id === id);
  return [
    ...(check?.notes ?? []),
    ...(check?.details ?? []).map((detail) => `${detail.subject}: ${detail.message}`),
  ].join("; ");
}

function worst(report: VerifyReport): string {
  return report.checks
    .filter((check) => check.status !== "ok" && check.status !== "skip")
    .map((check) => `${check.id} ${check.status}: ${textOf(report, check.id)}`)
    .join(" | ");
}
