import fc from "fast-check";
import { expect, test } from "vitest";
import type { InstanceAudit, ScoringInputs } from "../../../../src/domain/scoring/inputs.js";
import { groupByInstance } from "../../../../src/domain/scoring/inputs.js";
import { scoreMiners } from "../../../../src/domain/scoring/score.js";
import { AS_OF, HISTORY, hoursBefore, INSTANCES, KEYS, METAGRAPH, NO_INVOCATIONS } from "./worked-example.js";

const base: ScoringInputs = {
  asOf: AS_OF,
  metagraph: METAGRAPH,
  instances: [],
  history: new Map(),
  gpuCounts: new Map(),
  invocations: NO_INVOCATIONS,
  oneHotkeyPerColdkey: true,
};

const plain: InstanceAudit = {
  instanceId: "x",
  chuteId: "C1",
  hotkey: KEYS.Bob,
  createdAt: hoursBefore(3),
  activatedAt: hoursBefore(2),
  deletedAt: null,
  deletionReason: null,
  validTermination: null,
  isBilled: false,
  stopBillingAt: null,
  computeMultiplier: 2,
  bounty: false,
};

const unitsOf = (change: Partial<InstanceAudit>) =>
  scoreMiners("instance-lifetime", { ...base, instances: [{ ...plain, ...change }] }).raw.get(KEYS.Bob)?.[
    "instance_compute_units"
  ];

test.each([
  ["a living instance", {}, 3 * 3600 * 2],
  ["one never activated", { activatedAt: null }, undefined],
  ["one activated after the evaluation", { activatedAt: hoursBefore(-1) }, undefined],
  ["one deleted after an hour", { deletedAt: hoursBefore(1) }, 2 * 3600 * 2],
  ["one deleted before an hour had passed", { activatedAt: hoursBefore(1.5), deletedAt: hoursBefore(1) }, undefined],
  ["a billed one deleted after an hour", { isBilled: true, deletedAt: hoursBefore(1) }, undefined],
  ["a valid termination", { isBilled: true, validTermination: true, deletedAt: hoursBefore(1) }, 2 * 3600 * 2],
  [
    "one ended by its user's balance",
    { isBilled: true, deletedAt: hoursBefore(1), deletionReason: "user has zero/negative balance (private chute)" },
    2 * 3600 * 2,
  ],
  [
    "one replaced by a newer version",
    { activatedAt: hoursBefore(1.5), deletedAt: hoursBefore(1), deletionReason: "instance has an old version of it" },
    2 * 3600 * 2,
  ],
  [
    "one deleted before the window",
    { createdAt: hoursBefore(400), activatedAt: hoursBefore(399), deletedAt: hoursBefore(169) },
    undefined,
  ],
  ["billing that stopped", { stopBillingAt: hoursBefore(2.5) }, 0.5 * 3600 * 2],
  ["one without a multiplier", { computeMultiplier: null }, 3 * 3600],
  ["one older than the window", { createdAt: hoursBefore(1000), activatedAt: hoursBefore(999) }, 168 * 3600 * 2],
])("%s", (_, change, units) => {
  expect(unitsOf(change)).toBe(units);
});

test("what happened after the evaluation time does not matter", () => {
  const later = { deletedAt: hoursBefore(-0.1), deletionReason: "miner initialized", stopBillingAt: hoursBefore(-0.2) };
  expect(unitsOf({ activatedAt: hoursBefore(0.2), ...later })).toBe(unitsOf({ activatedAt: hoursBefore(0.2) }));
});

test("blacklisted, unregistered and operator-made keys do not score", () => {
  const metagraph = METAGRAPH.map((entry) =>
    entry.hotkey === KEYS.Alice ? { ...entry, blacklistReason: "spoofed GPUs" } : entry,
  ).filter((entry) => entry.hotkey !== KEYS.Bob);
  const negative = metagraph.map((entry) => (entry.hotkey === KEYS.Eve ? { ...entry, uid: -1 } : entry));
  const sheet = scoreMiners("instance-lifetime", { ...base, metagraph: negative, instances: INSTANCES });
  expect([...sheet.scores.keys()]).toEqual([KEYS.Charlie]);
});

test("equal units of one coldkey go to the smaller hotkey, in any order of rows", () => {
  const pair = [KEYS.Charlie, KEYS.Dave].map((hotkey) => ({ ...plain, instanceId: hotkey, hotkey }));
  const winners = [pair, pair.toReversed()].map((instances) => [
    ...scoreMiners("instance-lifetime", { ...base, instances }).scores.keys(),
  ]);
  expect(winners).toEqual([[KEYS.Dave], [KEYS.Dave]]);
});

test("without any units the listed keys share equally", () => {
  const instances = [KEYS.Alice, KEYS.Bob].map((hotkey) => ({
    ...plain,
    instanceId: hotkey,
    hotkey,
    computeMultiplier: 0,
  }));
  const { scores } = scoreMiners("instance-lifetime", { ...base, instances });
  expect([...scores.values()]).toEqual([0.5, 0.5]);
});

test("scores sum to 1 and are never negative, whatever the lives and multipliers", () => {
  const instance = fc.record({
    hotkey: fc.constantFrom(...Object.values(KEYS)),
    created: fc.double({ min: 0, max: 400, noNaN: true }),
    life: fc.double({ min: 0, max: 300, noNaN: true }),
    multiplier: fc.double({ min: 0, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(instance, { maxLength: 20 }), fc.boolean(), (lives, oneHotkeyPerColdkey) => {
      const instances = lives.map(({ hotkey, created, life, multiplier }, index) => ({
        ...plain,
        instanceId: String(index),
        hotkey,
        createdAt: hoursBefore(created),
        activatedAt: hoursBefore(created),
        deletedAt: life < created ? hoursBefore(created - life) : null,
        computeMultiplier: multiplier,
      }));
      const scores = [...scoreMiners("instance-lifetime", { ...base, instances, oneHotkeyPerColdkey }).scores.values()];
      expect(scores.every((score) => score >= 0)).toBe(true);
      if (scores.length > 0) expect(scores.reduce((left, right) => left + right)).toBeCloseTo(1, 9);
    }),
  );
});

test("history replaces the instance's own multiplier", () => {
  const inputs = { ...base, instances: INSTANCES, history: groupByInstance(HISTORY) };
  const without = scoreMiners("instance-lifetime", { ...inputs, history: new Map() });
  const figures = scoreMiners("instance-lifetime", inputs).raw.get(KEYS.Eve);
  expect(figures?.["instance_compute_units"]).toBe(0.3 * 1800 + 1800);
  expect(without.raw.get(KEYS.Eve)?.["instance_compute_units"]).toBe(3600);
});
