import { styleText } from "node:util";
import type { CheckResult, CheckStatus, MinerLine, VerifyReport } from "./report.js";

const MARK: Readonly<Record<CheckStatus, string>> = { ok: "✔", warn: "!", fail: "✘", unverifiable: "?", skip: "-" };
const COLOR: Readonly<Record<CheckStatus, "green" | "yellow" | "red" | "gray">> = {
  ok: "green",
  warn: "yellow",
  fail: "red",
  unverifiable: "yellow",
  skip: "gray",
};
const SHOWN_DETAILS = 10;
const SHOWN_MINERS = 20;

export interface TableOptions {
  /** Default off; the caller knows the terminal. */
  readonly color?: boolean;
  /** Columns of the terminal; longer lines are cut. Default: as long as they are. */
  readonly width?: number;
}

/** The report for people: what was looked at, one line per check, the largest differences, the verdict. */
export function renderTable(report: VerifyReport, options: TableOptions = {}): string {
  const lines = [
    ...headerLines(report).map(printable),
    "",
    ...report.checks.flatMap((check) => checkLines(check, options)),
    "",
    ...minerTable(report.miners),
    `verdict: ${report.verdict}`,
  ];
  return `${lines.map((line) => cut(line, options)).join("\n")}\n`;
}

function headerLines({ subject, window, as_of, profile, totals }: VerifyReport): string[] {
  const hotkey = subject.hotkey ?? "unknown hotkey";
  const uid = subject.uid === null ? "" : `, uid ${subject.uid}`;
  const block = as_of.block === null ? "" : `, block ${as_of.block}`;
  return [
    `${subject.api ?? "local files"}: ${hotkey} on netuid ${subject.netuid}${uid}`,
    `window ${window.from ?? "?"} to ${window.to ?? "?"}, ${window.hours} reports, ${window.missing.length} hours missing`,
    `scores by ${profile} as of ${as_of.time} (${as_of.method}${block})`,
    `${totals.files} files, ${totals.rows} rows, ${totals.bytes} bytes in ${totals.seconds.toFixed(1)} s`,
  ];
}

function checkLines(check: CheckResult, options: TableOptions): string[] {
  const counts = Object.entries(check.counts).map(([key, count]) => `${count} ${key}`);
  const note = counts.length === 0 ? (check.notes[0] ?? "nothing to check") : counts.join(", ");
  const head = `${paint(MARK[check.status], COLOR[check.status], options)} ${check.id} ${check.title}: ${note}`;
  const shown = check.details.slice(0, SHOWN_DETAILS).map((detail) => `    ${detail.subject}: ${detail.message}`);
  const hidden = check.details.length + (check.truncated ?? 0) - shown.length;
  return [head, ...shown.map(printable), ...(hidden > 0 ? [`    and ${hidden} more`] : [])];
}

function minerTable(miners: readonly MinerLine[]): string[] {
  if (miners.length === 0) return [];
  const ranked = [...miners].sort(
    (left, right) =>
      Math.abs(right.diff ?? 0) - Math.abs(left.diff ?? 0) || (right.expected ?? 0) - (left.expected ?? 0),
  );
  const rows = ranked
    .slice(0, SHOWN_MINERS)
    .map(({ uid, hotkey, expected, onchain, diff, bound }) => [
      String(uid),
      printable(hotkey),
      ...[expected, onchain, diff, bound].map((value) => value?.toFixed(9) ?? "-"),
    ]);
  return [...aligned([["uid", "hotkey", "expected", "on chain", "difference", "bound"], ...rows]), ""];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Remote text may not steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

function paint(text: string, color: "green" | "yellow" | "red" | "gray", { color: isOn }: TableOptions): string {
  return isOn === true ? styleText(color, text) : text;
}

function cut(line: string, { width, color }: TableOptions): string {
  // A cut inside a color code would leave the terminal colored; only check marks carry one, at the start of a line.
  const spare = color === true && line.startsWith("\u001b") ? 10 : 0;
  return width !== undefined && line.length > width + spare ? `${line.slice(0, width + spare - 1)}…` : line;
}
