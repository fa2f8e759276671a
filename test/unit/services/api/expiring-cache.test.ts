import { expect, test } from "vitest";
import { ExpiringCache } from "../../../../src/services/api/directory/expiring-cache.js";

/** A cache over a table that counts its look-ups, with a clock of its own. */
function given(table: Record<string, string>, limit = 100) {
  const clock = { ms: 0 };
  const loaded: string[] = [];
  const cache = new ExpiringCache<string>({
    load: async (key) => {
      loaded.push(key);
      return table[key];
    },
    now: () => new Date(clock.ms),
    limit,
    ttlMs: 30_000,
    negativeTtlMs: 5000,
  });
  return { cache, clock, loaded, table };
}

test("a fresh entry is answered from memory, an expired one is looked up", async () => {
  const { cache, clock, loaded } = given({ a: "1" });
  expect(await cache.get("a")).toBe("1");
  clock.ms = 14_999;
  expect(await cache.get("a")).toBe("1");
  expect(loaded).toEqual(["a"]);
  clock.ms = 60_000;
  expect(await cache.get("a")).toBe("1");
  expect(loaded).toEqual(["a", "a"]);
});

test("a used entry is renewed in the background before it expires", async () => {
  const { cache, clock, loaded, table } = given({ a: "1" });
  await cache.get("a");
  table["a"] = "2";
  clock.ms = 20_000;
  expect(await cache.get("a")).toBe("1");
  expect(loaded).toEqual(["a", "a"]);
  await expect.poll(() => cache.get("a")).toBe("2");
  clock.ms = 31_000;
  expect(await cache.get("a")).toBe("2");
  expect(loaded).toEqual(["a", "a"]);
});

test("that something does not exist is believed for a shorter time", async () => {
  const { cache, clock, loaded, table } = given({});
  expect(await cache.get("a")).toBeUndefined();
  table["a"] = "1";
  clock.ms = 4999;
  expect(await cache.get("a")).toBeUndefined();
  clock.ms = 5000;
  expect(await cache.get("a")).toBe("1");
  expect(loaded).toHaveLength(2);
});

test("concurrent misses of one key share one look-up", async () => {
  const { cache, loaded } = given({ a: "1" });
  expect(await Promise.all([cache.get("a"), cache.get("a"), cache.get("a")])).toEqual(["1", "1", "1"]);
  expect(loaded).toEqual(["a"]);
});

test("the entry unused for longest makes room", async () => {
  const { cache, loaded } = given({ a: "1", b: "2", c: "3" }, 2);
  for (const key of ["a", "b", "a", "c", "a", "b"]) await cache.get(key);
  expect(loaded).toEqual(["a", "b", "c", "b"]);
});

test("what is dropped while its look-up runs is not kept", async () => {
  const answers: ((value: string) => void)[] = [];
  const cache = new ExpiringCache<string>({
    load: () => new Promise((resolve) => answers.push(resolve)),
    now: () => new Date(0),
    limit: 10,
    ttlMs: 30_000,
    negativeTtlMs: 5000,
  });
  const first = cache.get("a");
  cache.drop("a");
  const second = cache.get("a");
  answers[1]?.("new");
  answers[0]?.("old");
  expect(await first).toBe("old");
  expect(await second).toBe("new");
  expect(await cache.get("a")).toBe("new");
});

test("a failed look-up reaches its callers and is tried again", async () => {
  let failures = 1;
  const cache = new ExpiringCache<string>({
    load: async () => {
      if (failures-- > 0) throw new Error("down");
      return "1";
    },
    now: () => new Date(0),
    limit: 10,
    ttlMs: 30_000,
    negativeTtlMs: 5000,
  });
  await expect(cache.get("a")).rejects.toThrow("down");
  expect(await cache.get("a")).toBe("1");
});

test("dropWhere forgets what matches, by value or by key", async () => {
  const { cache, loaded } = given({ a: "1", b: "2" });
  for (const key of ["a", "b", "c"]) await cache.get(key);
  cache.dropWhere((value, key) => value === undefined || key === "a");
  for (const key of ["a", "b", "c"]) await cache.get(key);
  expect(loaded).toEqual(["a", "b", "c", "a", "c"]);
});

test("a cap shortens lives from one moment to the next", async () => {
  const clock = { ms: 0 };
  const state = { capMs: 20_000, loads: 0 };
  const cache = new ExpiringCache<number>({
    load: async () => {
      state.loads += 1;
      return state.loads;
    },
    now: () => new Date(clock.ms),
    limit: 10,
    ttlMs: 30_000,
    negativeTtlMs: 5000,
    capMs: () => state.capMs,
  });
  expect(await cache.get("a")).toBe(1);
  clock.ms = 9000;
  expect(await cache.get("a")).toBe(1);
  state.capMs = 3000;
  expect(await cache.get("a")).toBe(2);
});
