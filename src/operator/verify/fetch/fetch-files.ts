import { stat, statfs } from "node:fs/promises";
import pLimit from "p-limit";
import { AppError } from "../../../kernel/errors.js";
import type { CsvExport } from "../audit-report.js";
import type { CollectedFile, CollectedReport } from "../evidence.js";
import { hourOf } from "../evidence.js";
import { endOfPath, nameOfExport } from "../match-files.js";
import { type Download, download } from "./download.js";
import type { Remote } from "./remote.js";
import { RETRIES } from "./retry.js";

const MAX_FILE_BYTES = 8 * 1024 ** 3;
const DEFAULT_MAX_BYTES = 200e9;
const DEFAULT_JOBS = 4;

interface Planned {
  readonly item: CsvExport;
  readonly report: CollectedReport;
  readonly sizeBytes: number;
}

/** Fetches the files of all reports into the directory and checks their hashes (V04). Files with equal bytes, such as those
 *  of empty hours, are one file. */
export async function fetchFiles(remote: Remote, reports: readonly CollectedReport[]): Promise<CollectedFile[]> {
  const planned = reports.flatMap((report) => plan(remote, report));
  await checkSizes(remote, planned);
  const limit = pLimit(remote.options.jobs ?? DEFAULT_JOBS);
  const transfers = new Map<string, Promise<Download>>();
  let done = 0;
  const files = await Promise.all(
    planned.map(async (one) => {
      const { sha256 } = one.item;
      const transfer = transfers.get(sha256) ?? limit(() => fetchOne(remote, one));
      transfers.set(sha256, transfer);
      const file = collected(remote, one, await transfer);
      done += 1;
      remote.deps.onProgress?.({ phase: "download", done, total: planned.length, bytes: one.sizeBytes });
      return file;
    }),
  );
  return files.flat();
}

/** Refuses paths that are not those of this hour's exports; nothing is ever stored under a remote name. */
function plan({ book }: Remote, report: CollectedReport): Planned[] {
  return report.report.csvExports.flatMap((item) => {
    const end = endOfPath(item);
    const subject = `${report.name}: csv_exports.${item.kind}`;
    if (end === undefined) {
      book.found("V04", "violation", { subject, message: `the path ${JSON.stringify(item.path)} is refused` });
      return [];
    }
    if (report.end !== undefined && end.getTime() !== report.end.getTime()) {
      book.found("V04", "violation", { subject, message: `the path ${item.path} names another hour` });
      return [];
    }
    return [{ item, report, sizeBytes: report.report.window?.bytes[item.kind] ?? 0 }];
  });
}

async function checkSizes({ store, options }: Remote, planned: readonly Planned[]): Promise<void> {
  const sizes = await Promise.all(
    planned.map(async ({ item, sizeBytes }) => {
      const isStored = (await stat(store.csvPath(item.sha256)).catch(() => undefined)) !== undefined;
      return isStored ? 0 : sizeBytes;
    }),
  );
  const sum = sizes.reduce((left, right) => left + right, 0);
  const limit = options.maxBytes ?? DEFAULT_MAX_BYTES;
  if (sum > limit) {
    throw new AppError("invalid", `${sum} bytes to download, allowed are ${limit}`, {
      fix: "a shorter window, or --max-bytes",
    });
  }
  const { bavail, bsize } = await statfs(store.dir);
  if (sum > bavail * bsize) {
    throw new AppError("config", `${sum} bytes to download, but the disk of ${store.dir} has ${bavail * bsize} left`);
  }
}

async function fetchOne(remote: Remote, { item }: Planned): Promise<Download> {
  const { api, store, deps } = remote;
  const path = store.csvPath(item.sha256);
  if ((await store.hashOf(path)) === item.sha256) return { kind: "ok" };
  const source = item.path.replace(/^invocations\//, "/invocations/exports/");
  const target = { source, path, sha256: item.sha256, maxBytes: MAX_FILE_BYTES };
  const result = await download({ api, retries: deps.retries ?? RETRIES, signal: deps.signal }, target);
  if (result.kind === "ok") await store.remember(path, item.sha256);
  return result;
}

function collected({ store, book }: Remote, { item, report }: Planned, result: Download): CollectedFile[] {
  const subject = nameOfExport(item);
  if (result.kind === "missing") {
    book.found("V04", "incomplete", { subject, message: `the API answers ${result.status}` });
    return [];
  }
  if (result.kind === "wrong") {
    const message = `SHA-256 is ${result.actual}, the report says ${item.sha256}; kept as ${result.kept}`;
    book.found("V04", "violation", { subject, message });
    return [];
  }
  book.ok("V04");
  const { window } = report.report;
  return [
    {
      kind: item.kind,
      name: subject,
      path: store.csvPath(item.sha256),
      sha256: item.sha256,
      expectedRows: window?.rows[item.kind],
      expectedBytes: window?.bytes[item.kind],
      hour: report.start === undefined ? undefined : hourOf(report.start),
    },
  ];
}
