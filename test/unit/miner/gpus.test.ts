import { expect, test } from "vitest";
import { GpuPool, simulatedGpus } from "../../../src/miner/gpus.js";
import { PortPool } from "../../../src/miner/port-pool.js";
import { DEFAULT_GPU_TABLE, matchGpuName } from "../../../src/wire/gpu-table.js";

test.each(["4090", "5090", "a100", "a100_sxm", "b200", "h100_sxm", "h200", "l40s", "pro_6000"])(
  "a simulated %s passes for one at the platform",
  (model) => {
    const [gpu] = simulatedGpus({ owner: "me", model, count: 1 });
    const spec = DEFAULT_GPU_TABLE.get(model);
    expect(matchGpuName(DEFAULT_GPU_TABLE, gpu?.name ?? "")).toBe(model);
    expect(gpu).toMatchObject({ memory: (spec?.memory ?? 0) * 1e9, clockRate: (spec?.clock_rate.boost ?? 0) * 1000 });
  },
);

test("uuids are 32 hex digits that belong to the owner", () => {
  const uuids = (owner: string) => simulatedGpus({ owner, model: "h200", count: 3 }).map(({ uuid }) => uuid);
  expect(uuids("a")).toEqual(uuids("a"));
  expect(new Set([...uuids("a"), ...uuids("b")]).size).toBe(6);
  expect(uuids("a").every((uuid) => /^[0-9a-f]{32}$/.test(uuid))).toBe(true);
});

test("a model that nobody can simulate is refused with those that can", () => {
  expect(() => simulatedGpus({ owner: "a", model: "t4", count: 1 })).toThrow(
    expect.objectContaining({ fix: expect.stringContaining("4090") }),
  );
});

test("GPUs of one instance are of one supported model, and come back", () => {
  const pool = new GpuPool([
    ...simulatedGpus({ owner: "a", model: "4090", count: 2 }),
    ...simulatedGpus({ owner: "a", model: "h200", count: 2 }),
  ]);
  expect(pool.take(3, ["4090", "h200"])).toBeUndefined();
  expect(pool.take(1, ["b200"])).toBeUndefined();
  const taken = pool.take(2, ["4090", "h200"]) ?? [];
  expect(taken.map(({ model }) => model)).toEqual(["4090", "4090"]);
  expect(pool.take(1, ["4090"])).toBeUndefined();
  expect([pool.busy, pool.total]).toEqual([2, 4]);
  pool.release(taken);
  expect(pool.take(2, ["4090"])).toEqual(taken);
});

test("ports are handed out in turn until none is left", () => {
  const ports = new PortPool({ from: 30_000, to: 30_002 });
  expect([ports.take(), ports.take()]).toEqual([30_000, 30_001]);
  ports.release(30_000);
  expect([ports.take(), ports.take()]).toEqual([30_002, 30_000]);
  expect(() => ports.take()).toThrow(/in use/);
  expect(new PortPool(undefined).take()).toBe(0);
});
