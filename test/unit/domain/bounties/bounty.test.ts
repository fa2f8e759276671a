import { expect, test } from "vitest";
import { bountyAmount, bountyAt, bountyBoost } from "../../../../src/domain/bounties/bounty.js";

test.each([
  [0, 100],
  [1, 103],
  [1.99, 103],
  [60, 280],
  [3600, 10_900],
  [28_766, 86_398],
  [28_767, 86_400],
  [1e9, 86_400],
])("03 §11.2: after %d s a bounty is worth %d", (ageSeconds, amount) => {
  expect(bountyAmount(ageSeconds)).toBe(amount);
});

test.each([
  [0, 1.1],
  [60, 1.1022],
  [5400, 1.3],
  [10_800, 1.5],
  [1e9, 1.5],
])("03 §11.3: after %d s the boost is %d", (ageSeconds, boost) => {
  expect(bountyBoost(ageSeconds)).toBeCloseTo(boost, 4);
});

test("a bounty from the future is as good as new", () => {
  const createdAt = new Date(10_000);
  expect(bountyAt({ chuteId: "c", createdAt }, new Date(4000))).toMatchObject({
    ageSeconds: 0,
    amount: 100,
    boost: 1.1,
  });
});
