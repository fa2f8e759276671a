import type { CsvExport } from "./audit-report.js";

const EXPORT_PATH = /^invocations\/(\d{4})\/(\d{1,2})\/(\d{1,2})\/(\d{1,2})(-reports|-jobs)?\.csv$/;
const SUFFIX: Readonly<Record<CsvExport["kind"], string>> = { invocations: "", reports: "-reports", jobs: "-jobs" };

/** End of the hour that an export path names, or undefined for a path that is none: absolute, climbing, of another kind.
 *  @see protocol 08 §2.1, §7.2 */
export function endOfPath({ kind, path }: CsvExport): Date | undefined {
  const match = EXPORT_PATH.exec(path);
  if (match === null || (match[5] ?? "") !== SUFFIX[kind]) return undefined;
  const [, year, month, day, hour] = match.map(Number);
  const end = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour));
  return end.getUTCMonth() + 1 === month && end.getUTCDate() === day && end.getUTCHours() === hour ? end : undefined;
}

/** How messages and users call an exported file: `2026/01/07/14.csv`. */
export function nameOfExport({ path }: CsvExport): string {
  return path.replace(/^invocations\//, "");
}

/** How well a local file name fits an export: 3 the whole date as folders, 2 as one name, 1 the last part, 0 not at all. */
export function nameFit(localPath: string, wanted: CsvExport): number {
  const local = localPath.replaceAll("\\", "/");
  const name = nameOfExport(wanted);
  if (`/${local}`.endsWith(`/${name}`)) return 3;
  if (`/${local}`.endsWith(`/${name.replaceAll("/", "-")}`)) return 2;
  return `/${local}`.endsWith(`/${name.slice(name.lastIndexOf("/") + 1)}`) ? 1 : 0;
}
