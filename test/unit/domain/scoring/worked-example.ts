import type {
  ComputeInterval,
  InstanceAudit,
  InvocationSums,
  MetagraphEntry,
} from "../../../../src/domain/scoring/inputs.js";
import type { InvocationRow } from "../../../../src/domain/scoring/invocation-row.js";

/** The example of protocol 07 §3.7, typed from its tables. */
export const AS_OF = new Date("2026-01-08T00:00:00Z");

export const KEYS = {
  Alice: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
  Bob: "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
  Charlie: "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
  Dave: "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy",
  Eve: "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw",
} as const;

type Name = keyof typeof KEYS;

export const METAGRAPH: readonly MetagraphEntry[] = [
  { uid: 3, hotkey: KEYS.Alice, coldkey: "a", blacklistReason: null },
  { uid: 5, hotkey: KEYS.Bob, coldkey: "b", blacklistReason: null },
  { uid: 9, hotkey: KEYS.Charlie, coldkey: "c", blacklistReason: null },
  { uid: 12, hotkey: KEYS.Dave, coldkey: "c", blacklistReason: null },
  { uid: 0, hotkey: KEYS.Eve, coldkey: "e", blacklistReason: null },
];

export const GPU_COUNTS: ReadonlyMap<string, number> = new Map([
  ["C1", 8],
  ["C2", 1],
  ["C3", 2],
]);

const uidOf = new Map(METAGRAPH.map((entry) => [entry.hotkey, entry.uid]));
const NO_NUMBERS = {
  it: Number.NaN,
  ot: Number.NaN,
  tokens: Number.NaN,
  steps: Number.NaN,
  masps: Number.NaN,
  maspt: Number.NaN,
  nc: Number.NaN,
};

/** Time so many hours before the evaluation. */
export function hoursBefore(hours: number): Date {
  return new Date(AS_OF.getTime() - hours * 3_600_000);
}

/** `[miner, chute, hours before, seconds or undefined, multiplier, bounty, what differs]` */
type RowLine = [Name, string, number, number | undefined, number, number, Partial<InvocationRow>];

const ROW_LINES: readonly RowLine[] = [
  ["Alice", "C1", 10, 10, 4, 0, { it: 1000, ot: 500, tokens: 500, nc: 12.5, maspt: 0.01 }],
  ["Alice", "C1", 9, 4, 4, 0, { it: 200, ot: 100, tokens: 100, nc: 3.25, maspt: 0.01 }],
  ["Alice", "C2", 8, 6, 1, 0, { steps: 25, masps: 0.2 }],
  ["Bob", "C1", 7, 20, 4, 250, { it: 800, ot: 400, tokens: 400, nc: 10, maspt: 0.01 }],
  ["Bob", "C2", 6, 8, 1, 0, { steps: 50, masps: 0.2 }],
  ["Bob", "C3", 5, 30, 2, 0, {}],
  ["Charlie", "C2", 4.5, 12, 1, 0, { failed: true }],
  ["Charlie", "C2", 4, 9, 1, 100, { steps: 30, masps: 0.2 }],
  ["Charlie", "C3", 3.5, 45, 2, 0, {}],
  ["Dave", "C2", 3, 2, 1, 0, { steps: 10, masps: 0.2 }],
  ["Alice", "C3", 2.5, 100, 2, 0, { isPrivate: true }],
  [
    "Bob",
    "C1",
    2,
    15,
    4,
    0,
    { it: 600, ot: 300, tokens: 300, nc: 7.5, maspt: 0.01, voidFromUs: hoursBefore(1).getTime() * 1000 },
  ],
  ["Alice", "C1", 200, 50, 4, 0, { it: 5000, ot: 2500, tokens: 2500, nc: 60, maspt: 0.01 }],
  ["Bob", "C2", 1.5, undefined, 1, 0, {}],
  ["Eve", "C2", 1, 5, 1, 0, { steps: 20, masps: 0.2 }],
];

export const ROWS: readonly InvocationRow[] = ROW_LINES.map(
  ([name, chuteId, hours, seconds, computeMultiplier, bounty, rest]) => {
    const startedAtUs = hoursBefore(hours).getTime() * 1000;
    return {
      ...NO_NUMBERS,
      hotkey: KEYS[name],
      chuteId,
      minerUid: uidOf.get(KEYS[name]) ?? -1,
      startedAtUs,
      completedAtUs: seconds === undefined ? Number.NaN : startedAtUs + seconds * 1_000_000,
      failed: false,
      computeMultiplier,
      bounty,
      isPrivate: false,
      voidFromUs: Number.POSITIVE_INFINITY,
      ...rest,
    };
  },
);

/** `[id, miner, chute, created, activated, deleted, multiplier, what differs]`, times in hours before. */
type InstanceLine = [string, Name, string, number, number, number | undefined, number, Partial<InstanceAudit>];

const UNUSED = "user-defined/private chute instance has not been used since shutdown_after_seconds";
const UNDEPLOYED = "chute has been undeployed";
const INITIALIZED = "miner initialized";

const INSTANCE_LINES: readonly InstanceLine[] = [
  ["1", "Alice", "C1", 101, 100, undefined, 4, {}],
  ["2", "Alice", "C2", 50.5, 50, 20, 1, { deletionReason: UNDEPLOYED }],
  ["3", "Alice", "C3", 30.25, 30, 10, 2, { deletionReason: UNUSED, isBilled: true, stopBillingAt: hoursBefore(10) }],
  ["4", "Bob", "C1", 162, 160, undefined, 4, {}],
  ["5", "Bob", "C3", 6, 5.5, 5, 2, { deletionReason: INITIALIZED }],
  ["6", "Charlie", "C2", 172, 170, 100, 1, { deletionReason: UNDEPLOYED }],
  ["7", "Dave", "C2", 10.5, 10, undefined, 1, {}],
  ["8", "Eve", "C2", 1, 0.5, undefined, 1, {}],
  ["11", "Bob", "C3", 40, 39, 35, 2, { deletionReason: INITIALIZED, isBilled: true, stopBillingAt: hoursBefore(35) }],
];

export const INSTANCES: readonly InstanceAudit[] = INSTANCE_LINES.map(
  ([instanceId, name, chuteId, created, activated, deleted, computeMultiplier, rest]) => ({
    instanceId,
    chuteId,
    hotkey: KEYS[name],
    createdAt: hoursBefore(created),
    activatedAt: hoursBefore(activated),
    deletedAt: deleted === undefined ? null : hoursBefore(deleted),
    deletionReason: null,
    validTermination: null,
    isBilled: false,
    stopBillingAt: null,
    computeMultiplier,
    bounty: false,
    ...rest,
  }),
);

/** `[instance, multiplier, from, to]` in hours before; undefined = open. */
const HISTORY_LINES: readonly [string, number, number, number | undefined][] = [
  ["1", 1.2, 101, 100],
  ["1", 4, 100, 40],
  ["1", 6, 40, undefined],
  ["2", 0.3, 50.5, 50],
  ["2", 1, 50, 20],
  ["3", 0.6, 30.25, 30],
  ["3", 2, 30, 10],
  ["4", 1.2, 162, 160],
  ["4", 4, 160, undefined],
  ["5", 0.6, 6, 5.5],
  ["5", 2, 5.5, 5],
  ["6", 0.3, 172, 170],
  ["6", 1, 170, 100],
  ["8", 0.3, 1, 0.5],
  ["8", 1, 0.5, undefined],
  ["11", 0.6, 40, 39],
  ["11", 2, 39, 35],
];

export const HISTORY: readonly ComputeInterval[] = HISTORY_LINES.map(([instanceId, computeMultiplier, from, to]) => ({
  instanceId,
  computeMultiplier,
  startedAt: hoursBefore(from),
  endedAt: to === undefined ? null : hoursBefore(to),
}));

export const NO_INVOCATIONS: ReadonlyMap<string, InvocationSums> = new Map();
