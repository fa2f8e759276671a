import { expect, test } from "vitest";
import { ChuteMedians } from "../../src/domain/scoring/chute-medians.js";
import type { ScoringInputs } from "../../src/domain/scoring/inputs.js";
import { groupByInstance } from "../../src/domain/scoring/inputs.js";
import { billableSeconds202510 } from "../../src/domain/scoring/invocation-row.js";
import { InvocationTally } from "../../src/domain/scoring/invocation-tally.js";
import type { ProfileName } from "../../src/domain/scoring/profiles.js";
import { clipToMaxLimit, quantiseMaxScaled, quantiseSumScaled, storedRow } from "../../src/domain/scoring/quantise.js";
import { scoreMiners } from "../../src/domain/scoring/score.js";
import {
  AS_OF,
  GPU_COUNTS,
  HISTORY,
  hoursBefore,
  INSTANCES,
  KEYS,
  METAGRAPH,
  ROWS,
} from "../unit/domain/scoring/worked-example.js";

const PRECISION = 9;

function inputsAt(profile: ProfileName, asOf: Date, oneHotkeyPerColdkey = true): ScoringInputs {
  const medians = new ChuteMedians();
  for (const row of ROWS) medians.add(row);
  const rule = profile === "invocations-2025-02" ? medians.billableSeconds() : billableSeconds202510;
  const tally = new InvocationTally(profile, [asOf], rule);
  for (const row of ROWS) tally.add(row);
  return {
    asOf,
    metagraph: METAGRAPH,
    instances: INSTANCES,
    history: groupByInstance(HISTORY),
    gpuCounts: GPU_COUNTS,
    invocations: tally.sumsAt(0),
    oneHotkeyPerColdkey,
  };
}

const scores = (profile: ProfileName, inputs: ScoringInputs) => scoreMiners(profile, inputs).scores;

function expectScores(actual: ReadonlyMap<string, number>, expected: Partial<Record<keyof typeof KEYS, number>>) {
  expect([...actual.keys()].sort()).toEqual(
    Object.keys(expected)
      .map((name) => KEYS[name as keyof typeof KEYS])
      .sort(),
  );
  for (const [name, score] of Object.entries(expected)) {
    expect(actual.get(KEYS[name as keyof typeof KEYS])).toBeCloseTo(score, PRECISION);
  }
}

test("07 §11.6: invocations-2025-02 gives the table of the worked example", () => {
  const sheet = scoreMiners("invocations-2025-02", inputsAt("invocations-2025-02", AS_OF));
  expect(sheet.raw.get(KEYS.Alice)).toEqual({
    invocation_count: 4,
    unique_chute_count: 3,
    bounty_count: 0,
    compute_units: 262,
  });
  expect(sheet.raw.get(KEYS.Bob)).toEqual({
    invocation_count: 4,
    unique_chute_count: 3,
    bounty_count: 1,
    compute_units: 430,
  });
  expect(sheet.raw.get(KEYS.Charlie)?.["compute_units"]).toBeCloseTo(197.2, PRECISION);
  expect(sheet.raw.has(KEYS.Eve)).toBe(false);
  expectScores(sheet.scores, { Alice: 0.295319215, Bob: 0.411297672, Charlie: 0.23754715, Dave: 0.055835963 });
});

test("07 §11.6: invocations-2025-10 gives the table of the worked example", () => {
  const sheet = scoreMiners("invocations-2025-10", inputsAt("invocations-2025-10", AS_OF));
  expect(sheet.raw.get(KEYS.Alice)).toEqual({
    invocation_count: 72003,
    unique_chute_count: 9,
    bounty_count: 1,
    compute_units: 144068,
  });
  expect(sheet.raw.get(KEYS.Bob)).toEqual({
    invocation_count: 3,
    unique_chute_count: 8,
    bounty_count: 1,
    compute_units: 360,
  });
  expect(sheet.raw.get(KEYS.Charlie)).toEqual({
    invocation_count: 2,
    unique_chute_count: 1,
    bounty_count: 1,
    compute_units: 196,
  });
  expect(sheet.raw.get(KEYS.Dave)).toEqual({
    invocation_count: 1,
    unique_chute_count: 1,
    bounty_count: 0,
    compute_units: 2,
  });
  expect(sheet.raw.get(KEYS.Eve)).toEqual({
    invocation_count: 1,
    unique_chute_count: 0,
    bounty_count: 0,
    compute_units: 4,
  });
  expectScores(sheet.scores, { Alice: 0.852085623, Bob: 0.119646954, Charlie: 0.028250249, Eve: 0.000017174 });
});

test("07 §11.6: without the coldkey rule invocations-2025-10 keeps every pre-score", () => {
  const kept = scores("invocations-2025-10", inputsAt("invocations-2025-10", AS_OF, false));
  expectScores(kept, {
    Alice: 0.851353653,
    Bob: 0.119544173,
    Charlie: 0.028225981,
    Dave: 0.000859033,
    Eve: 0.000017159,
  });
});

test("07 §11.6: the sums before billed instances are those of the export chapter", () => {
  const { invocations } = inputsAt("invocations-2025-10", AS_OF);
  expect(invocations.get(KEYS.Alice)).toMatchObject({ invocationCount: 3, bountyCount: 0, computeUnits: 68 });
});

test("07 §11.6: instance-lifetime with one hotkey per coldkey", () => {
  const sheet = scoreMiners("instance-lifetime", inputsAt("instance-lifetime", AS_OF));
  expect(sheet.raw.get(KEYS.Alice)).toEqual({
    total_instances: 3,
    bounty_score: 0,
    instance_seconds: 546300,
    instance_compute_units: 1985400,
  });
  expect(sheet.raw.get(KEYS.Bob)).toEqual({
    total_instances: 1,
    bounty_score: 0,
    instance_seconds: 583200,
    instance_compute_units: 2312640,
  });
  expect(sheet.raw.get(KEYS.Dave)?.["instance_compute_units"]).toBe(37800);
  expectScores(sheet.scores, { Alice: 0.436814384, Bob: 0.508811532, Charlie: 0.053859253, Eve: 0.000514831 });
});

test("07 §11.6: instance-lifetime with the coldkey rule off", () => {
  const kept = scores("instance-lifetime", inputsAt("instance-lifetime", AS_OF, false));
  expectScores(kept, {
    Alice: 0.433211578,
    Bob: 0.504614901,
    Charlie: 0.053415027,
    Dave: 0.008247909,
    Eve: 0.000510585,
  });
});

test("07 §11.6: an hour earlier Eve's instance does not exist yet and the others share differently", () => {
  const earlier = scores("instance-lifetime", inputsAt("instance-lifetime", hoursBefore(1)));
  // 4@100–40 h and 6@40–1 h of instance 1, 40 h of the two deleted ones; Bob's instances 5 and 11 do not count.
  const alice = 1.2 * 3600 + 4 * 60 * 3600 + 6 * 39 * 3600 + 0.3 * 1800 + 30 * 3600 + 0.6 * 900 + 2 * 20 * 3600;
  const bob = 1.2 * 2 * 3600 + 4 * 159 * 3600;
  const charlie = 69 * 3600;
  const sum = alice + bob + charlie;
  expectScores(earlier, { Alice: alice / sum, Bob: bob / sum, Charlie: charlie / sum });
});

const EXPECTED_U16: [ProfileName, Record<number, number>, Record<number, number>][] = [
  ["invocations-2025-02", { 3: 47055, 5: 65535, 9: 37850, 12: 8897 }, { 3: 19353, 5: 26954, 9: 15567, 12: 3659 }],
  ["invocations-2025-10", { 0: 1, 3: 65535, 5: 9202, 9: 2173 }, { 0: 1, 3: 55841, 5: 7841, 9: 1851 }],
  ["instance-lifetime", { 0: 66, 3: 56262, 5: 65535, 9: 6937 }, { 0: 33, 3: 28626, 5: 33344, 9: 3529 }],
];

test.each(EXPECTED_U16)("07 §11.7: u16 vectors of %s in both forms", (profile, maxScaled, sumScaled) => {
  const byUid = weightsByUid(scores(profile, inputsAt(profile, AS_OF)));
  expect(asRecord(quantiseMaxScaled(byUid))).toEqual(maxScaled);
  expect(asRecord(quantiseSumScaled(byUid))).toEqual(sumScaled);
});

test("07 §11.7: nothing positive quantises to nothing", () => {
  const zeros = new Map([
    [1, 0],
    [2, 0],
  ]);
  expect(quantiseMaxScaled(zeros, { keepTiny: true })).toEqual([]);
  expect(quantiseSumScaled(zeros)).toEqual([]);
});

test("07 §11.7: the chain stores the largest value as 65535", () => {
  const stored = storedRow([
    { uid: 1, value: 100 },
    { uid: 2, value: 250 },
    { uid: 3, value: 13 },
  ]);
  expect(asRecord(stored)).toEqual({ 1: 26214, 2: 65535, 3: 3408 });
});

test("07 §11.8: the clip cuts to the limit and keeps the order", () => {
  const clipped = clipToMaxLimit(
    new Map([
      [1, 0.7],
      [2, 0.2],
      [3, 0.1],
    ]),
    0.4 * 65535,
  );
  expect(clipped.get(1)).toBeCloseTo(0.399999933, PRECISION);
  expect(clipped.get(2)).toBeCloseTo(0.399999933, PRECISION);
  expect(clipped.get(3)).toBeCloseTo(0.200000133, PRECISION);
});

function weightsByUid(byHotkey: ReadonlyMap<string, number>): Map<number, number> {
  return new Map(METAGRAPH.map((entry) => [entry.uid, byHotkey.get(entry.hotkey) ?? 0]));
}

function asRecord(entries: readonly { uid: number; value: number }[]): Record<number, number> {
  return Object.fromEntries(entries.map(({ uid, value }) => [uid, value]));
}
