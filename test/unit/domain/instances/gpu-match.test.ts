import { expect, test } from "vitest";
import { checkGpuClaim, type GpuClaim, type OwnedGpu } from "../../../../src/domain/instances/gpu-match.js";

const gpu = (uuid: string, changes: Partial<OwnedGpu> = {}): OwnedGpu => ({
  uuid,
  gpuIdentifier: "h100_sxm",
  verifiedAt: new Date(0),
  verificationHost: "miner.example.com",
  instanceId: null,
  ...changes,
});
const claim = (changes: Partial<GpuClaim> = {}): GpuClaim => ({
  uuids: ["a", "b"],
  owned: [gpu("a"), gpu("b")],
  gpuCount: 2,
  supported: ["h100_sxm", "h200"],
  host: "Miner.Example.Com",
  ...changes,
});

test("accepts the right number of verified, free, suitable GPUs at the container's host", () => {
  expect(() => checkGpuClaim(claim())).not.toThrow();
});

test.each<[string, Partial<GpuClaim>, string]>([
  ["the same GPU twice", { uuids: ["a", "a"] }, "invalid"],
  ["too few", { uuids: ["a"] }, "invalid"],
  ["too many", { gpuCount: 1 }, "invalid"],
  ["one that is not the miner's", { owned: [gpu("a")] }, "not_found"],
  ["one that is not verified", { owned: [gpu("a"), gpu("b", { verifiedAt: null })] }, "invalid"],
  ["one in use", { owned: [gpu("a"), gpu("b", { instanceId: "i" })] }, "conflict"],
  ["one of the wrong model", { owned: [gpu("a"), gpu("b", { gpuIdentifier: "3090" })] }, "invalid"],
  ["one from another address", { owned: [gpu("a"), gpu("b", { verificationHost: "x.example.com" })] }, "invalid"],
])("refuses %s", (_title, changes, kind) => {
  expect(() => checkGpuClaim(claim(changes))).toThrow(
    expect.objectContaining({ kind, message: expect.stringContaining("invalid GPU/nodes configuration provided") }),
  );
});
