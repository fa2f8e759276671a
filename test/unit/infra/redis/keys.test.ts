import { expect, test } from "vitest";
import { CACHE_INVALIDATE_CHANNEL, redisKeys, redisTtlSeconds } from "../../../../src/infra/redis/keys.js";

const at = new Date("2026-01-07T23:59:59.999Z");

test("keys are spelled as other tools of the ecosystem read them", () => {
  expect([
    redisKeys.connections("c", "i"),
    redisKeys.quotaUsed(at, "u", "__default__"),
    redisKeys.consecutiveFailures("i"),
    redisKeys.instanceDisabled("i"),
    redisKeys.instanceDisables("i"),
    redisKeys.pendingDeletion("i"),
    redisKeys.bounty("c"),
    redisKeys.promptPrefix("d41d8cd98f00b204e9800998ecf8427e", "i"),
    redisKeys.userRequest("8cb1caec-9361-50dc-ada0-658d0a0cd189"),
    redisKeys.modelDisabled("c"),
    redisKeys.chuteDisabled("c"),
    redisKeys.scaleTarget("c"),
    redisKeys.movingAverage("c", "spt", "v"),
    redisKeys.adaptiveAverage("ptps", "c"),
    CACHE_INVALIDATE_CHANNEL,
  ]).toEqual([
    "cc:c:i",
    "q:20260107:u:__default__",
    "consecutive_failures:i",
    "instance_disabled:i",
    "instance_disable_zset:i",
    "pending_deletion:i",
    "bounty:c",
    "pfx:d41d8cd98f00b204e9800998ecf8427e:i",
    "userreq:8cb1caec-9361-50dc-ada0-658d0a0cd189",
    "model_disabled:c",
    "chute_disabled:c",
    "scale:c",
    "_mva:c:spt:v",
    "ptps:c",
    "cache_invalidate",
  ]);
});

test("a bounty is announced once in each window of 30 seconds", () => {
  expect(redisKeys.bountyNotification("c", new Date(1_795_558_439_999))).toBe("bounty_notification:c:1795558410");
  expect(redisKeys.bountyNotification("c", new Date(1_795_558_440_000))).toBe("bounty_notification:c:1795558440");
});

test("no two kinds of key can meet", () => {
  const { quotaUsed, bountyNotification, ...others } = redisKeys;
  const samples = Object.values(others).map((key) => (typeof key === "string" ? key : key("ptps", "b", "v")));
  const prefixes = [quotaUsed(at, "u", "c"), bountyNotification("c", at), ...samples].map((key) => key.split(":")[0]);
  expect(new Set(prefixes).size).toBe(Object.keys(redisKeys).length);
});

test("counters outlive what they count: a quota its day, an announcement its window", () => {
  expect(redisTtlSeconds.quotaUsed).toBeGreaterThanOrEqual(25 * 3600);
  expect(redisTtlSeconds.bountyNotification).toBe(33);
  expect(redisTtlSeconds.replay).toBeGreaterThanOrEqual(1200);
});
