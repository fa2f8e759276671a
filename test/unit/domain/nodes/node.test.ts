import { expect, test } from "vitest";
import { type AnnouncedGpu, checkGpu } from "../../../../src/domain/nodes/node.js";
import { DEFAULT_GPU_TABLE } from "../../../../src/wire/gpu-table.js";

const H100: AnnouncedGpu = {
  uuid: "0123",
  name: "NVIDIA H100 80GB HBM3",
  memory: 85_045_411_840,
  processors: 132,
  clock_rate: 1_980_000,
  device_index: 0,
  gpu_identifier: "h100_sxm",
  verification_host: "8.8.8.8",
  verification_port: 31_234,
};
const check = (changes: Partial<AnnouncedGpu>) => checkGpu(DEFAULT_GPU_TABLE, { ...H100, ...changes });

test("the table's figures replace the miner's", () => {
  expect(check({ major: 1, minor: 7, ecc: false, sxm: false, concurrent_kernels: false })).toMatchObject({
    major: 9,
    minor: 0,
    ecc: true,
    sxm: true,
    concurrent_kernels: true,
    max_threads_per_processor: 2048,
  });
});

test("what the table does not know stays as announced", () => {
  const h20 = { name: "NVIDIA H20", gpu_identifier: "h20", memory: 96e9, processors: 78, clock_rate: 1_600_000 };
  expect(check({ ...h20, major: 9, ecc: true })).toMatchObject({ major: 9, minor: null, ecc: true, sxm: null });
});

test.each<[string, Partial<AnnouncedGpu>]>([
  ["an unknown name", { name: "Tesla T4" }],
  ["another model's identifier", { gpu_identifier: "h100" }],
  ["another number of processors", { processors: 131 }],
  ["a device index above 9", { device_index: 10 }],
  ["a negative device index", { device_index: -1 }],
  ["a port below 80", { verification_port: 79 }],
  ["a port above 65535", { verification_port: 65_536 }],
])("refuses %s", (_title, changes) => {
  expect(() => check(changes)).toThrow(
    expect.objectContaining({ kind: "invalid", message: expect.stringContaining("GPU parameter validation error") }),
  );
});

test("processors may be left out", () => {
  expect(check({ processors: null }).processors).toBe(132);
});
