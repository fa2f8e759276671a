import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { returnSignup, takeSignup } from "../../../src/domain/accounts/signup-store.js";
import type { BountyRules } from "../../../src/domain/bounties/bounty.js";
import {
  bountiesOf,
  bountyOf,
  claimBounty,
  claimForActivation,
  dropBounty,
  listBounties,
  requestBounty,
} from "../../../src/domain/bounties/bounty-store.js";
import { openRedis, type Redis } from "../../../src/infra/redis/client.js";
import { redisKeys } from "../../../src/infra/redis/keys.js";
import { createLogger } from "../../../src/kernel/logger.js";
import { type RedisServer, startRedisServer } from "../../support/redis-server.js";

const NOW = new Date(1_760_000_000_000);
const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const log = createLogger({ level: "fatal", secrets: [] });
const RULES: BountyRules = {
  mode: "activation",
  cooldownSeconds: 600,
  publicLifetimeSeconds: 86_400,
  privateLifetimeSeconds: 3600,
};
const ask = (redis: Redis, chuteId: string, now = NOW) =>
  requestBounty(redis, { chuteId, isPrivate: false, rules: RULES, now });

// Its own server, because listing looks at everything there is.
const server: RedisServer | undefined = await startRedisServer({ own: true });
afterAll(() => server?.close());

describe.each([
  ["the in-process twin", "memory:bounty-store"],
  ...(server === undefined ? [] : [["a Redis server", server.url]]),
])("bounties in %s", (_, url) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = openRedis(url ?? "", log);
    await redis.flushdb();
  });
  afterAll(() => redis.disconnect());

  test("of parallel requests one notifies, and all see the same bounty", async () => {
    const asked = await Promise.all(Array.from({ length: 50 }, () => ask(redis, "a1")));
    expect(asked.filter((bounty) => bounty?.notify)).toHaveLength(1);
    expect(new Set(asked.map((bounty) => bounty?.amount))).toEqual(new Set([100]));
  });

  test("a bounty keeps its age when it is asked for again, and notifies once per window", async () => {
    await ask(redis, "a2");
    expect(await ask(redis, "a2", inSeconds(9))).toMatchObject({ amount: 127, notify: false });
    expect(await ask(redis, "a2", inSeconds(60))).toMatchObject({ amount: 280, notify: true });
    expect(await bountyOf(redis, "a2", inSeconds(60))).toMatchObject({ amount: 280, createdAt: NOW });
  });

  test("private bounties live an hour, public ones a day", async () => {
    await requestBounty(redis, { chuteId: "p1", isPrivate: true, rules: RULES, now: NOW });
    await ask(redis, "p2");
    const lifetimes = await Promise.all(["p1", "p2"].map((chuteId) => redis.ttl(redisKeys.bounty(chuteId))));
    expect(lifetimes[0]).toBeGreaterThan(3590);
    expect(lifetimes[0]).toBeLessThanOrEqual(3600);
    expect(lifetimes[1]).toBeGreaterThan(86_390);
  });

  test("of parallel claims one wins, and afterwards there is nothing", async () => {
    await ask(redis, "c1");
    const claims = await Promise.all(Array.from({ length: 20 }, () => claimBounty(redis, "c1", inSeconds(60))));
    expect(claims.filter((claim) => claim !== undefined)).toEqual([expect.objectContaining({ amount: 280 })]);
    expect(await bountyOf(redis, "c1", inSeconds(60))).toBeUndefined();
    expect(await claimBounty(redis, "c1", NOW)).toBeUndefined();
  });

  test("03 §11.1: after a bounty was made none follows for ten minutes, unless the chute changed", async () => {
    await ask(redis, "k1");
    expect(await redis.ttl(redisKeys.bountyCooldown("k1"))).toBe(600);
    await claimBounty(redis, "k1", NOW);
    expect(await ask(redis, "k1")).toBeUndefined();
    expect(await bountyOf(redis, "k1", NOW)).toBeUndefined();
    await dropBounty(redis, "k1");
    expect(await ask(redis, "k1")).toMatchObject({ amount: 100 });
  });

  test("03 §11.1: a disabled chute gets none; without a cooldown the next one comes at once", async () => {
    await redis.set(redisKeys.chuteDisabled("k2"), "1");
    expect(await ask(redis, "k2")).toBeUndefined();
    for (const rules of [
      { ...RULES, mode: "completion" as const },
      { ...RULES, cooldownSeconds: 0 },
    ]) {
      const chuteId = `k3-${rules.mode}`;
      await requestBounty(redis, { chuteId, isPrivate: false, rules, now: NOW });
      await claimBounty(redis, chuteId, NOW);
      expect(await requestBounty(redis, { chuteId, isPrivate: false, rules, now: NOW })).toMatchObject({ amount: 100 });
    }
  });

  test("03 §11.4: a claim for an activation is answered again for the same attempt, and for no other", async () => {
    await ask(redis, "k4");
    await redis.del(redisKeys.bountyCooldown("k4"));
    const claim = (attemptId: string, now: Date) =>
      claimForActivation(redis, { chuteId: "k4", attemptId, rules: RULES, now });
    const [first, second] = await Promise.all([claim("i1", inSeconds(60)), claim("i2", inSeconds(60))]);
    const [winner, loser] = first === undefined ? ["i2", "i1"] : ["i1", "i2"];
    expect([first, second].filter(Boolean)).toEqual([expect.objectContaining({ amount: 280 })]);
    expect(await claim(winner, inSeconds(900))).toEqual(first ?? second);
    expect(await claim(loser, inSeconds(900))).toBeUndefined();
    expect(await redis.ttl(redisKeys.bountyClaim(winner))).toBeGreaterThan(86_300);
    expect(await redis.ttl(redisKeys.bountyCooldown("k4"))).toBeGreaterThan(590);
    expect((await listBounties(redis, NOW)).map(({ chuteId }) => chuteId)).not.toContain("k4");
  });

  test("open bounties are listed oldest first; expired and dropped ones are not", async () => {
    await redis.flushdb();
    await ask(redis, "young", inSeconds(20));
    await ask(redis, "old");
    await ask(redis, "expired", inSeconds(-5));
    await redis.del(redisKeys.bounty("expired"));
    await ask(redis, "dropped");
    await dropBounty(redis, "dropped");
    const listed = await listBounties(redis, inSeconds(30));
    expect(listed.map(({ chuteId, ageSeconds }) => [chuteId, ageSeconds])).toEqual([
      ["old", 30],
      ["young", 10],
    ]);
    for (const { secondsRemaining } of listed) expect(secondsRemaining).toBeGreaterThan(86_000);
    expect(await redis.zcard(redisKeys.bounties)).toBe(2);
    expect([...(await bountiesOf(redis, ["old", "dropped"], inSeconds(30))).keys()]).toEqual(["old"]);
    expect(await bountiesOf(redis, [], NOW)).toEqual(new Map());
  });

  test("sign-ups are counted for a day, and given back when they fail", async () => {
    expect(await takeSignup(redis, "203.0.113.7")).toBe(1);
    expect(await takeSignup(redis, "203.0.113.7")).toBe(2);
    await returnSignup(redis, "203.0.113.7");
    expect(await takeSignup(redis, "203.0.113.7")).toBe(2);
    expect(await takeSignup(redis, "203.0.113.8")).toBe(1);
    expect(await redis.ttl(redisKeys.signups("203.0.113.7"))).toBeGreaterThan(86_000);
  });
});
