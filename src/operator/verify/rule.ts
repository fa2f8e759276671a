import type { ProfileName } from "../../domain/scoring/profiles.js";
import { chunksOf } from "./csv/csv-scanner.js";
import type { Evidence } from "./evidence.js";
import type { VerifyOptions } from "./options.js";

/** The scoring rule of a run. */
export interface Rule {
  readonly profile: ProfileName;
  readonly oneHotkeyPerColdkey: boolean;
}

/** What was asked for, else what the newest report publishes, else what the data allow: compute history, metrics.
 *  @see protocol 08 §7.1 */
export async function ruleOf(options: VerifyOptions, evidence: Evidence): Promise<Rule> {
  const published = evidence.reports.findLast(({ report }) => report.published !== undefined)?.report.published;
  const oneHotkeyPerColdkey = options.oneHotkeyPerColdkey ?? published?.oneHotkeyPerColdkey ?? true;
  if (options.profile !== undefined && options.profile !== "auto")
    return { profile: options.profile, oneHotkeyPerColdkey };
  return { profile: published?.profile ?? (await guessed(evidence)), oneHotkeyPerColdkey };
}

async function guessed({ reports, files }: Evidence): Promise<ProfileName> {
  const file = files.find(({ kind }) => kind === "invocations");
  if (file === undefined || reports.some(({ report }) => report.hasHistory)) return "instance-lifetime";
  return (await firstLine(file.path)).split(",").includes("metrics") ? "invocations-2025-10" : "invocations-2025-02";
}

async function firstLine(path: string): Promise<string> {
  for await (const chunk of chunksOf(path)) {
    const end = chunk.indexOf(10);
    return chunk.toString("utf8", 0, end < 0 ? chunk.length : end).trimEnd();
  }
  return "";
}
