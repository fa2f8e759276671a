import { expect, test } from "vitest";
import {
  type CapacityInputs,
  decideCapacity,
  mayActivate,
  requireCapacity,
} from "../../../../src/domain/instances/capacity.js";

const COLD = { total: 0, active: 0, mine: 0, target: undefined, isPrivate: false, hasBounty: false } as const;
const ALLOW = { allowed: true, takesQuota: false };
const TAKE = { allowed: true, takesQuota: true };
const REFUSE = { allowed: false, takesQuota: false };

type Row = readonly [title: string, inputs: Partial<CapacityInputs>, decision: typeof ALLOW];

const PUBLIC: readonly Row[] = [
  ["nothing runs, nobody set a target", {}, ALLOW],
  ["starting ones do not block a cold chute without target", { total: 5 }, ALLOW],
  ["cold with a target of 0: the floor lets two start", { total: 1, target: 0 }, ALLOW],
  ["cold with a target of 0 and two starting: still the floor", { total: 2, target: 0 }, ALLOW],
  ["cold with a target of 0 and three starting", { total: 3, target: 0 }, REFUSE],
  ["one serves, nobody set a target", { total: 1, active: 1 }, REFUSE],
  ["below target", { total: 2, active: 1, target: 5 }, ALLOW],
  ["at target", { total: 5, active: 5, target: 5 }, REFUSE],
  ["above target", { total: 6, active: 5, target: 5 }, REFUSE],
  ["two places left and all of them mine", { total: 3, active: 3, mine: 3, target: 5 }, REFUSE],
  ["two places left, some another's", { total: 3, active: 3, mine: 2, target: 5 }, ALLOW],
  ["three places left and all of them mine", { total: 2, active: 2, mine: 2, target: 5 }, ALLOW],
  ["update with quota", { total: 4, active: 4, target: 5, rollingUpdate: { quotaLeft: 1 } }, TAKE],
  ["update without quota", { total: 4, active: 4, target: 5, rollingUpdate: { quotaLeft: 0 } }, REFUSE],
  ["update that permits everybody", { total: 9, active: 9, target: 5, rollingUpdate: { quotaLeft: undefined } }, ALLOW],
  [
    "update far below target: ordinary rules",
    { total: 2, active: 2, target: 9, rollingUpdate: { quotaLeft: 0 } },
    ALLOW,
  ],
];

const PRIVATE: readonly Row[] = [
  ["cold without bounty", {}, REFUSE],
  ["cold with bounty", { hasBounty: true }, ALLOW],
  ["serving, no target", { total: 1, active: 1 }, ALLOW],
  ["serving, target reached", { total: 2, active: 2, target: 2, hasBounty: true }, REFUSE],
  ["serving, target not reached", { total: 2, active: 1, target: 2 }, ALLOW],
  ["serving, target 0 counts as none", { total: 1, active: 1, target: 0 }, ALLOW],
];

test.each(PUBLIC)("public chute: %s", (_title, inputs, decision) => {
  expect(decideCapacity({ ...COLD, ...inputs })).toEqual(decision);
});

test.each(PRIVATE)("private chute: %s", (_title, inputs, decision) => {
  expect(decideCapacity({ ...COLD, ...inputs, isPrivate: true })).toEqual(decision);
});

test("a refusal is 423 and names the chute", () => {
  expect(() => requireCapacity(REFUSE, "c1")).toThrow(expect.objectContaining({ kind: "locked_resource" }));
  expect(() => requireCapacity(REFUSE, "c1")).toThrow("Chute c1 is at capacity");
  expect(() => requireCapacity(ALLOW, "c1")).not.toThrow();
});

test.each([
  [{ active: 9, target: undefined }, true],
  [{ active: 0, target: 0 }, true],
  [{ active: 1, target: 0 }, false],
  [{ active: 1, target: 2 }, true],
  [{ active: 2, target: 2 }, false],
])("activation with %o", (counts, allowed) => {
  expect(mayActivate(counts)).toBe(allowed);
});
