import { expect, test } from "vitest";
import {
  bountyChange,
  CHANNEL,
  chuteCreated,
  chuteDeleted,
  chuteUpdated,
  type EventPayload,
  gpuVerified,
  type InstanceEvent,
  instanceActivated,
  instanceCreated,
  instanceDeleted,
  instanceDisabled,
  instanceVerified,
  launchTokenCreated,
  type WireEvent,
} from "../../../src/wire/events.js";

const INSTANCE: InstanceEvent = {
  chuteId: "chute",
  instanceId: "instance",
  minerHotkey: "5miner",
  configId: "config",
  gpuCount: 2,
  gpuModelName: "h100_sxm",
};
const PUBLIC_DATA = {
  chute_id: "chute",
  miner_hotkey: "5miner",
  instance_id: "instance",
  gpu_count: 2,
  gpu_model_name: "h100_sxm",
};

const on = (channel: WireEvent["channel"], events: WireEvent[]): EventPayload[] =>
  events.filter((event) => event.channel === channel).map(({ payload }) => payload);
const toMiners = (events: WireEvent[]) => on(CHANNEL.minerBroadcast, events);
const toEveryone = (events: WireEvent[]) => on(CHANNEL.events, events);

test("05 §2.4: chute events carry what the miner reads without asking", () => {
  const chute = { chuteId: "c", version: "v", jobOnly: false };
  const data = { chute_id: "c", version: "v", job_only: false };
  expect(chuteCreated(chute)).toEqual([{ channel: "miner_broadcast", payload: { reason: "chute_created", data } }]);
  expect(chuteUpdated(chute)).toEqual([{ channel: "miner_broadcast", payload: { reason: "chute_updated", data } }]);
  expect(chuteDeleted(chute)).toEqual([
    { channel: "miner_broadcast", payload: { reason: "chute_deleted", data: { chute_id: "c", version: "v" } } },
  ]);
});

test("03 §15: a bounty goes to both channels, with a message for people", () => {
  const events = bountyChange({ chuteId: "c", bountyUnits: 280, urgency: "cold", effectiveMultiplier: 1.5 });
  const data = { chute_id: "c", bounty: 280, effective_multiplier: 1.5, urgency: "cold" };
  expect(toMiners(events)).toEqual([{ reason: "bounty_change", data }]);
  expect(toEveryone(events)).toEqual([{ reason: "bounty_change", message: expect.stringContaining("280"), data }]);
  expect(toMiners(bountyChange({ chuteId: "c", bountyUnits: 1 }))[0]?.data).toEqual({ chute_id: "c", bounty: 1 });
});

test("05 §2.4: creation names the config to its miner only, never in public", () => {
  const events = instanceCreated(INSTANCE);
  expect(toMiners(events)).toEqual([
    { reason: "instance_created", data: { ...PUBLIC_DATA, config_id: "config" }, filter_recipients: ["5miner"] },
  ]);
  expect(toEveryone(events)).toEqual([{ reason: "instance_created", message: expect.any(String), data: PUBLIC_DATA }]);
});

test("05 §2.4: an instance without config is created and activated in public only", () => {
  const bare = { ...INSTANCE, configId: null };
  for (const events of [instanceCreated(bare), instanceActivated(bare), instanceDisabled(bare)]) {
    expect(toMiners(events)).toEqual([]);
    expect(toEveryone(events)).toHaveLength(1);
  }
});

test("05 §2.5: a verified instance is hot in public", () => {
  const events = instanceVerified(INSTANCE);
  expect(toMiners(events)).toEqual([
    {
      reason: "instance_verified",
      data: { miner_hotkey: "5miner", instance_id: "instance", chute_id: "chute" },
      filter_recipients: ["5miner"],
    },
  ]);
  expect(toEveryone(events)).toEqual([{ reason: "instance_hot", message: expect.any(String), data: PUBLIC_DATA }]);
});

test.each([
  ["instance_activated", instanceActivated],
  ["instance_disabled", instanceDisabled],
  ["instance_deleted", instanceDeleted],
] as const)("05 §2.4: %s reaches its miner and everyone", (reason, build) => {
  const data = { ...PUBLIC_DATA, config_id: "config" };
  expect(toMiners(build(INSTANCE))).toEqual([expect.objectContaining({ reason, data, filter_recipients: ["5miner"] })]);
  expect(toEveryone(build(INSTANCE))).toEqual([{ reason, message: expect.any(String), data }]);
});

test("05 §2.4: a miner hears of its deletion even without a config", () => {
  expect(toMiners(instanceDeleted({ ...INSTANCE, configId: null }))).toHaveLength(1);
});

test("05 §2.4, §2.5: GPUs and launch tokens", () => {
  expect(gpuVerified({ gpuId: "g", minerHotkey: "5miner" })).toEqual([
    {
      channel: "miner_broadcast",
      payload: { reason: "gpu_verified", data: { gpu_id: "g", miner_hotkey: "5miner" }, filter_recipients: ["5miner"] },
    },
  ]);
  const launch = { chuteId: "c", minerHotkey: "5miner", gpuCount: 1, includeGpus: ["h100"], minVramGb: 80 };
  expect(toEveryone(launchTokenCreated(launch))[0]?.data).toEqual({
    chute_id: "c",
    miner_hotkey: "5miner",
    gpu_count: 1,
    include_gpus: ["h100"],
    min_vram_gb: 80,
  });
});
