import { expect, test } from "vitest";
import { inventoryByMiner } from "../../../../src/domain/nodes/inventory.js";
import type { PlacedGpu } from "../../../../src/domain/nodes/node-repository.js";

const gpu = (minerHotkey: string, changes: Partial<PlacedGpu> = {}): PlacedGpu => ({
  uuid: "u",
  minerHotkey,
  gpu: "a100",
  instanceId: null,
  chuteId: null,
  chuteName: null,
  chutePublic: null,
  ownerUsername: null,
  instanceActive: null,
  instanceVerified: null,
  lastVerifiedAt: null,
  verificationError: null,
  ...changes,
});
const running = { instanceId: "i", chuteId: "c", chuteName: "model", ownerUsername: "dev", instanceVerified: true };

test("the miner with most GPUs comes first; idle ones are counted by model", () => {
  const listed = inventoryByMiner([gpu("small"), gpu("big"), gpu("big"), gpu("big", { gpu: "h200" })]);
  expect(Object.keys(listed)).toEqual(["big", "small"]);
  expect(listed["big"]).toEqual({ provisioned: [], idle: { a100: 2, h200: 1 } });
});

test("a private chute shows neither owner nor name", () => {
  const shown = (chutePublic: boolean) => inventoryByMiner([gpu("m", { ...running, chutePublic })])["m"]?.provisioned;
  const common = { chute_id: "c", verified: true, instance_id: "i" };
  expect(shown(true)).toEqual([{ gpu: "a100", chute: { username: "dev", name: "model", ...common } }]);
  expect(shown(false)).toEqual([{ gpu: "a100", chute: { username: null, name: "[private chute]", ...common } }]);
});
