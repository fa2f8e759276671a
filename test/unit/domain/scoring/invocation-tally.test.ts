import fc from "fast-check";
import { expect, test } from "vitest";
import { ChuteMedians } from "../../../../src/domain/scoring/chute-medians.js";
import { billableSeconds202510, type InvocationRow } from "../../../../src/domain/scoring/invocation-row.js";
import { InvocationTally } from "../../../../src/domain/scoring/invocation-tally.js";
import type { ProfileName } from "../../../../src/domain/scoring/profiles.js";
import { AS_OF, hoursBefore, KEYS, ROWS } from "./worked-example.js";

const HOUR_US = 3_600_000_000;
const plain = ROWS[5] as InvocationRow;

const anyRow = fc
  .record({
    hotkey: fc.constantFrom(KEYS.Alice, KEYS.Bob),
    chuteId: fc.constantFrom("C1", "C2", "C3"),
    minerUid: fc.constantFrom(-1, 0, 1, 2),
    hours: fc.double({ min: -5, max: 190, noNaN: true }),
    seconds: fc.oneof(fc.constant(Number.NaN), fc.integer({ min: 0, max: 20_000 })),
    failed: fc.boolean(),
    isPrivate: fc.boolean(),
    bounty: fc.constantFrom(0, 0, 100),
    nc: fc.oneof(fc.constant(Number.NaN), fc.integer({ min: 0, max: 50 })),
    confirmed: fc.option(fc.double({ min: -5, max: 190, noNaN: true }), { nil: undefined }),
  })
  .map(({ hours, seconds, confirmed, ...rest }): InvocationRow => {
    const startedAtUs = Math.floor(AS_OF.getTime() * 1000 - hours * HOUR_US);
    const voidFromUs =
      confirmed === undefined ? Number.POSITIVE_INFINITY : AS_OF.getTime() * 1000 - confirmed * HOUR_US;
    return { ...plain, ...rest, startedAtUs, completedAtUs: startedAtUs + seconds * 1_000_000, voidFromUs };
  });

/** The rule in its slowest and plainest form. */
function expectedCount(rows: readonly InvocationRow[], asOf: Date, profile: ProfileName): number {
  const at = asOf.getTime() * 1000;
  return rows.filter(
    (row) =>
      row.hotkey === KEYS.Alice &&
      row.startedAtUs > at - 168 * HOUR_US &&
      row.completedAtUs <= at &&
      !row.failed &&
      (profile === "invocations-2025-02"
        ? row.minerUid > 0
        : row.minerUid >= 0 && !row.isPrivate && row.voidFromUs > at),
  ).length;
}

test.each(["invocations-2025-10", "invocations-2025-02"] as const)(
  "one pass for many times gives what a pass for each time gives: %s",
  (profile) => {
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 40 }), (rows) => {
        const times = [30, 10, 3, 0.5, 0].map(hoursBefore);
        const many = new InvocationTally(profile, times, billableSeconds202510);
        for (const row of rows) many.add(row);
        times.forEach((time, index) => {
          const one = new InvocationTally(profile, [time], billableSeconds202510);
          for (const row of rows) one.add(row);
          const [left, right] = [many.sumsAt(index).get(KEYS.Alice), one.sumsAt(0).get(KEYS.Alice)];
          expect(left?.computeUnits ?? 0).toBeCloseTo(right?.computeUnits ?? 0, 6);
          expect(left?.uniqueChuteCount).toBe(right?.uniqueChuteCount);
          expect(left?.bountyCount).toBe(right?.bountyCount);
          expect(left?.invocationCount ?? 0).toBe(expectedCount(rows, time, profile));
        });
      }),
    );
  },
);

test("a row that started exactly seven days before is outside, one microsecond later inside", () => {
  const edge = AS_OF.getTime() * 1000 - 168 * HOUR_US;
  const counts = [edge, edge + 1].map((startedAtUs) => {
    const tally = new InvocationTally("invocations-2025-10", [AS_OF], billableSeconds202510);
    tally.add({ ...plain, startedAtUs, completedAtUs: startedAtUs + 1000 });
    return tally.sumsAt(0).get(plain.hotkey)?.invocationCount ?? 0;
  });
  expect(counts).toEqual([0, 1]);
});

test("a private row brings its bounty, but is not counted", () => {
  const tally = new InvocationTally("invocations-2025-10", [AS_OF], billableSeconds202510);
  tally.add({ ...plain, isPrivate: true, bounty: 100, nc: 50 });
  expect(tally.sumsAt(0).get(plain.hotkey)).toMatchObject({ computeUnits: 100, invocationCount: 0, bountyCount: 0 });
});

test.each([
  ["normalised seconds first", { nc: 3, steps: 10, masps: 1 }, 3],
  ["then steps", { nc: 0, steps: 10, masps: 0.5, it: 5, ot: 5, maspt: 1 }, 5],
  ["then tokens", { steps: 10, it: 5, ot: 5, maspt: 0.2 }, 2],
  ["no output, no token rule", { it: 5, ot: 0, maspt: 0.2 }, 30],
  ["else the time it took", {}, 30],
])("billable seconds of invocations-2025-10: %s", (_, figures, seconds) => {
  const row = { ...plain, completedAtUs: plain.startedAtUs + 30_000_000, ...figures };
  expect(billableSeconds202510(row)).toBe(seconds);
});

test("medians cut slow answers, leave fast ones, and take the mean of two middle values", () => {
  const medians = new ChuteMedians();
  const took = (seconds: number) => ({ ...plain, steps: 10, completedAtUs: plain.startedAtUs + seconds * 1_000_000 });
  for (const seconds of [1, 2, 4, 100]) medians.add(took(seconds));
  medians.add({ ...took(50), completedAtUs: Number.NaN });
  const billable = medians.billableSeconds();
  expect(medians.isComplete).toBe(true);
  expect(billable(took(100))).toBeCloseTo(3, 9);
  expect(billable(took(2))).toBe(2);
  expect(billable({ ...took(9), steps: Number.NaN })).toBe(9);
});
