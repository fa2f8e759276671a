import { onTestFinished } from "vitest";
import type { VerifyDeps, VerifyOptions } from "../../src/operator/verify/options.js";
import type { CheckId, VerifyReport } from "../../src/operator/verify/report.js";
import { verify } from "../../src/operator/verify/verify.js";
import { ALICE, BOB } from "./chain-accounts.js";
import { type ExportServer, startExportServer } from "./export-server.js";
import { addressOf, type ExportedHour, exportHour, type HourSpec, publish, temporaryDir } from "./export-world.js";

/** Retries without real pauses. */
const FAST = { retries: 5, firstPauseMs: 1, longestPauseMs: 5 };
export function verifyDeps(extra: Partial<VerifyDeps> = {}): VerifyDeps {
  return { now: () => NOW, signal: new AbortController().signal, retries: FAST, ...extra };
}

export const metagraphRow = ({ hotkey, coldkey, uid }: { hotkey: string; coldkey: string; uid: number }) => ({
  hotkey,
  coldkey,
  node_id: uid,
  netuid: 64,
  blacklist_reason: null,
});

export function checkOf(report: VerifyReport, id: CheckId) {
  const found = report.checks.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no check ${id}`);
  return found;
}

/** Everything a check found, one line each. */
export function messages(report: VerifyReport, id: CheckId): string {
  return checkOf(report, id)
    .details.map((detail) => `${detail.subject}: ${detail.message}`)
    .join("\n");
}

/** A young validator with two miners and three exported hours, the last one before 15:00. */
export const NOW = new Date("2026-01-07T15:10:00Z");
export const hourEnd = (hour: number) => new Date(Date.UTC(2026, 0, 7, hour));
export const MINERS = [
  { hotkey: BOB.address, coldkey: addressOf("b"), uid: 1 },
  { hotkey: "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y", coldkey: addressOf("c"), uid: 2 },
] as const;
export const VALIDATOR = { hotkey: ALICE.address, coldkey: addressOf("a"), uid: 0 };
export const INSTANCES = [
  { id: 1, hotkey: MINERS[0].hotkey, uid: 1, activatedAt: new Date("2026-01-07T12:10:00Z"), multiplier: 4 },
  { id: 2, hotkey: MINERS[1].hotkey, uid: 2, activatedAt: new Date("2026-01-07T12:40:00Z"), multiplier: 1 },
];

/** Shares of compute units of the two instances at a moment. */
export function unitsUntil(end: Date): Record<string, number> {
  const units = INSTANCES.map(({ activatedAt, multiplier }) => (end.getTime() - activatedAt.getTime()) * multiplier);
  const sum = units.reduce((left, right) => left + right, 0);
  return Object.fromEntries(INSTANCES.map(({ hotkey }, index) => [hotkey, (units[index] ?? 0) / sum]));
}

export function hourOfWorld(hour: number, change: Partial<HourSpec> = {}): ExportedHour {
  const end = hourEnd(hour);
  const rows = Array.from({ length: 12 }, (_, index) => ({
    id: hour * 100 + index,
    hotkey: MINERS[index % 2]?.hotkey ?? "",
    uid: (index % 2) + 1,
    startedAt: new Date(end.getTime() - (50 - index) * 60_000),
    completedAt: new Date(end.getTime() - (50 - index) * 60_000 + 1500),
    metrics: "{'it': 10, 'ot': 20, 'nc': 1.5}",
  }));
  return exportHour({ end, rows, instances: INSTANCES, scores: unitsUntil(end), ...change });
}

export interface World {
  readonly server: ExportServer;
  readonly options: VerifyOptions & { readonly dir: string };
  readonly hours: readonly (ExportedHour & { readonly block: number })[];
}

export async function openWorld(hours: readonly (ExportedHour & { block: number })[]): Promise<World> {
  const server = await startExportServer();
  const dir = await temporaryDir();
  onTestFinished(async () => {
    await server.close();
    await dir[Symbol.asyncDispose]();
  });
  publish(server, hours, { hotkey: VALIDATOR.hotkey, metagraph: [VALIDATOR, ...MINERS].map(metagraphRow) });
  return { server, hours, options: { netuid: 64, api: server.url, dir: dir.path } };
}

/** Without a chain: blocks are only numbers. */
export function offlineWorld(
  hours: readonly ExportedHour[] = [13, 14, 15].map((hour) => hourOfWorld(hour)),
): Promise<World> {
  return openWorld(hours.map((hour, index) => ({ ...hour, block: 100 + index * 300 })));
}

export const verifyAt = (world: World, extra: Partial<VerifyDeps> = {}) => verify(world.options, verifyDeps(extra));

/** The value, or a failure of the test itself. */
export function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("missing in the test's world");
  return value;
}

/** A copy with one bit changed. */
export function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
