import { expect, test } from "vitest";
import type { InstanceAudit, InvocationSums, ScoringInputs } from "../../../../src/domain/scoring/inputs.js";
import { isProfileName, SCORING_PROFILES } from "../../../../src/domain/scoring/profiles.js";
import { scoreMiners } from "../../../../src/domain/scoring/score.js";
import { uniqueChuteCounts } from "../../../../src/domain/scoring/unique-chutes.js";
import { AS_OF, GPU_COUNTS, hoursBefore, INSTANCES, KEYS, METAGRAPH } from "./worked-example.js";

const sums = (units: number): InvocationSums => ({
  computeUnits: units,
  invocationCount: 1,
  bountyCount: 0,
  uniqueChuteCount: 1,
});

const inputs: ScoringInputs = {
  asOf: AS_OF,
  metagraph: METAGRAPH,
  instances: INSTANCES,
  history: new Map(),
  gpuCounts: GPU_COUNTS,
  invocations: new Map([
    [KEYS.Alice, sums(10)],
    ["5Stranger", sums(30)],
  ]),
  oneHotkeyPerColdkey: true,
};

test("every profile's weights add up to 1", () => {
  for (const { weights } of Object.values(SCORING_PROFILES)) {
    expect(Object.values(weights).reduce((left, right) => left + right)).toBeCloseTo(1, 12);
  }
  expect(["instance-lifetime", "toString"].map(isProfileName)).toEqual([true, false]);
});

test("the share of a key that left is lost in invocations-2025-02 and does not exist in invocations-2025-10", () => {
  const old = scoreMiners("invocations-2025-02", inputs).scores;
  expect([...old.keys()]).toEqual([KEYS.Alice]);
  expect(old.get(KEYS.Alice)).toBeCloseTo(0.35 * 0.25 + 0.3 * 0.5 + 0.25 * 0.5, 12);
  expect(scoreMiners("invocations-2025-10", inputs).scores.get(KEYS.Alice)).toBe(1);
});

test("without any unique chutes that part of the score is 0, not a division by zero", () => {
  const { scores } = scoreMiners("invocations-2025-10", { ...inputs, instances: [] });
  expect(scores.get(KEYS.Alice)).toBe(1);
});

const billed: InstanceAudit = {
  ...(INSTANCES[2] as InstanceAudit),
  hotkey: KEYS.Alice,
  activatedAt: hoursBefore(5),
  deletedAt: null,
  deletionReason: null,
  stopBillingAt: null,
  computeMultiplier: 2,
};

test("billed instances earn while they run, unless the original rule is wanted", () => {
  const run = (privateIncludeActive?: boolean) =>
    scoreMiners("invocations-2025-10", {
      ...inputs,
      instances: [billed],
      ...(privateIncludeActive === undefined ? {} : { privateIncludeActive }),
    }).raw.get(KEYS.Alice);
  expect(run()).toMatchObject({ compute_units: 10 + 5 * 3600 * 2, bounty_count: 1, invocation_count: 1 + 5 * 3600 });
  expect(run(false)).toMatchObject({ compute_units: 10, bounty_count: 0 });
});

test("billed instances of a miner without invocations earn nothing", () => {
  const instances = [{ ...billed, hotkey: KEYS.Bob }];
  expect(scoreMiners("invocations-2025-10", { ...inputs, instances }).raw.has(KEYS.Bob)).toBe(false);
});

test("a chute counts once however many instances it has, with its GPUs, 1 when they are unknown", () => {
  const living = { ...billed, isBilled: false, activatedAt: hoursBefore(1000), hotkey: KEYS.Bob };
  const instances = [
    { ...living, instanceId: "a", chuteId: "C1" },
    { ...living, instanceId: "b", chuteId: "C1" },
    { ...living, instanceId: "c", chuteId: "unknown" },
  ];
  expect(uniqueChuteCounts({ asOf: AS_OF, instances, gpuCounts: GPU_COUNTS }).get(KEYS.Bob)).toBe(9);
});

test("the mean is over the hours with a chute only, and an unbilled instance needs an hour of life", () => {
  const short = { ...billed, isBilled: false, hotkey: KEYS.Bob, chuteId: "C1", activatedAt: hoursBefore(2.5) };
  const counts = (instance: InstanceAudit) =>
    uniqueChuteCounts({ asOf: AS_OF, instances: [instance], gpuCounts: GPU_COUNTS }).get(KEYS.Bob);
  expect(counts(short)).toBe(8);
  expect(counts({ ...short, deletedAt: hoursBefore(2) })).toBeUndefined();
  expect(counts({ ...short, deletedAt: hoursBefore(2), isBilled: true })).toBe(8);
});
