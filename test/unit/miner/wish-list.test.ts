import { expect, test } from "vitest";
import type { MinerChute } from "../../../src/miner/records.js";
import { WishList } from "../../../src/miner/wish-list.js";

const START = new Date("2025-10-09T08:53:20Z");
const after = (ms: number) => new Date(START.getTime() + ms);
const chute = (chuteId: string, multiplier = 1, version = "1"): MinerChute => ({
  chuteId,
  version,
  name: chuteId,
  chutesVersion: "0.6.0",
  supportedGpus: ["4090"],
  gpuCount: 1,
  cords: [],
  concurrency: 1,
  multiplier,
  obstacle: undefined,
});
const dueAt = (wishes: WishList, ms: number) => wishes.due(after(ms)).map(({ chuteId }) => chuteId);

test("the most valuable chute comes first", () => {
  const wishes = new WishList(1000);
  for (const [id, value] of Object.entries({ a: 1, b: 3, c: 2 })) wishes.add(chute(id, value), false);
  expect(dueAt(wishes, 0)).toEqual(["b", "c", "a"]);
});

test("waits double from the first one up to five minutes", () => {
  const wishes = new WishList(1000);
  wishes.add(chute("a"), false);
  const waits = Array.from({ length: 12 }, () => wishes.postpone("a", START));
  expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
  expect(waits.at(-1)).toBe(300_000);
});

test("a postponed wish is due when its time has come, not before", () => {
  const wishes = new WishList(1000);
  wishes.add(chute("a"), false);
  wishes.postpone("a", START);
  expect(wishes.nextDueMs(after(200))).toBe(800);
  expect([dueAt(wishes, 999), dueAt(wishes, 1000)]).toEqual([[], ["a"]]);
  expect(wishes.nextDueMs(after(1000))).toBeUndefined();
});

test("wishing again keeps the wait, wishing urgently ends it", () => {
  const wishes = new WishList(1000);
  wishes.add(chute("a"), false);
  wishes.postpone("a", START);
  wishes.add(chute("a", 1, "2"), false);
  expect(dueAt(wishes, 0)).toEqual([]);
  wishes.add(chute("a", 1, "3"), true);
  expect(wishes.due(START).map(({ version }) => version)).toEqual(["3"]);
});

test("what is not retained is forgotten", () => {
  const wishes = new WishList(1000);
  for (const id of ["a", "b"]) wishes.add(chute(id), false);
  wishes.retain(new Set(["b", "c"]));
  expect(dueAt(wishes, 0)).toEqual(["b"]);
  expect(wishes.postpone("a", START)).toBe(0);
});
