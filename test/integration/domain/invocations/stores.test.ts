import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { movingAverages } from "../../../../src/domain/invocations/averages-store.js";
import { type FailureStore, openFailureStore } from "../../../../src/domain/invocations/failure-store.js";
import {
  type AdmissionRequest,
  connectionsOf,
  openTargetStore,
  type TargetRequest,
  type TargetStore,
} from "../../../../src/domain/invocations/target-store.js";
import { openRedis, type Redis } from "../../../../src/infra/redis/client.js";
import { redisKeys } from "../../../../src/infra/redis/keys.js";
import { createLogger } from "../../../../src/kernel/logger.js";
import { startRedisServer } from "../../../support/redis-server.js";

const log = createLogger({ level: "silent", secrets: [] });
const server = await startRedisServer();
const adapters = [
  { name: "memory", url: `memory:${randomUUID()}` },
  ...(server === undefined ? [] : [{ name: "server", url: server.url }]),
];
afterAll(() => server?.close());

const NOW = new Date("2026-01-07T12:00:00Z");
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

describe.each(adapters)("$name", ({ url }) => {
  let redis: Redis;
  let store: TargetStore;
  let failures: FailureStore;
  beforeAll(() => {
    redis = openRedis(url, log);
    store = openTargetStore(redis);
    failures = openFailureStore(redis);
    return async () => {
      await redis.quit();
    };
  });

  const world = () => ({
    chuteId: randomUUID(),
    userId: randomUUID(),
    ids: ["a", "b", "c"].map((id) => id + randomUUID()),
  });
  type World = ReturnType<typeof world>;
  const target = ({ chuteId, ids }: World, changes: Partial<TargetRequest> = {}): TargetRequest => ({
    chuteId,
    slots: 10,
    instanceIds: ids,
    prefixes: [],
    leaseId: randomUUID(),
    random: 0,
    ...changes,
  });
  const admission = ({ chuteId, userId }: World, changes: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
    chuteId,
    userId,
    ...changes,
  });
  const busy = async (at: World, index: number, calls: number) => {
    const instanceIds = [at.ids[index] ?? ""];
    for (let call = 0; call < calls; call += 1) await store.choose({ target: target(at, { instanceIds }) }, NOW);
  };
  const count = (at: World, index: number, now = NOW) =>
    connectionsOf(redis, { chuteId: at.chuteId, instanceId: at.ids[index] ?? "" }, now);

  test("a slot is taken and given back", async () => {
    const at = world();
    const request = target(at, { random: 0.99 });
    expect(await store.choose({ target: request }, NOW)).toEqual({
      kind: "chosen",
      index: 2,
      meanConnections: 0,
      isWithinQuota: false,
      quotaUsed: 0,
    });
    expect([await count(at, 0), await count(at, 2)]).toEqual([0, 1]);
    const slot = { chuteId: at.chuteId, instanceId: at.ids[2] ?? "", leaseId: request.leaseId };
    await store.finish({ ...slot, isSuccess: true }, NOW);
    expect(await count(at, 2)).toBe(0);
  });

  test("a slot whose process died is free again after its lease, unless it was renewed", async () => {
    const at = world();
    const leases = [randomUUID(), randomUUID()];
    for (const leaseId of leases) {
      await store.choose({ target: target(at, { instanceIds: at.ids.slice(0, 1), leaseId }) }, NOW);
    }
    const slot = { chuteId: at.chuteId, instanceId: at.ids[0] ?? "", leaseId: leases[0] ?? "" };
    await store.renew([slot, { ...slot, leaseId: "ended long ago" }], later(60));
    expect(await count(at, 0, later(89))).toBe(2);
    expect(await count(at, 0, later(120))).toBe(1);
    expect(await count(at, 0, later(151))).toBe(0);
  });

  test("04 §5.3: any instance within two of the least busy one may be chosen, others not", async () => {
    const at = world();
    await busy(at, 0, 3);
    await busy(at, 1, 2);
    const chosen = new Set<unknown>();
    for (let random = 0; random < 1; random += 0.1) {
      const leaseId = randomUUID();
      const verdict = await store.choose({ target: target(at, { random, leaseId }) }, NOW);
      if (verdict.kind !== "chosen") throw new Error(verdict.kind);
      chosen.add(verdict.index);
      expect(verdict.meanConnections).toBe(1);
      const instanceId = at.ids[verdict.index] ?? "";
      await store.finish({ chuteId: at.chuteId, instanceId, leaseId, isSuccess: false }, NOW);
    }
    expect(chosen).toEqual(new Set([1, 2]));
  });

  test("04 §5.3: full and disabled instances are passed over; when none is left that is overload", async () => {
    const at = world();
    await busy(at, 0, 2);
    await redis.set(redisKeys.instanceDisabled(at.ids[1] ?? ""), "1");
    const choose = () => store.choose({ target: target(at, { slots: 2 }) }, NOW);
    expect(await choose()).toMatchObject({ kind: "chosen", index: 2 });
    expect(await choose()).toMatchObject({ kind: "chosen", index: 2 });
    expect(await choose()).toMatchObject({ kind: "overload", meanConnections: 1 });
  });

  test("04 §19.7: a prompt goes back to the instance that saw its longest prefix, unless that is much busier", async () => {
    const at = world();
    const [long, short] = [randomUUID(), randomUUID()];
    const prefixes = [long, short];
    const learn = (index: number, prefix: string) =>
      store.finish(
        { chuteId: at.chuteId, instanceId: at.ids[index] ?? "", leaseId: "x", isSuccess: true, prefix },
        NOW,
      );
    await learn(1, short);
    const choose = () => store.choose({ target: target(at, { prefixes, slots: 100 }) }, NOW);
    expect(await choose()).toMatchObject({ index: 1 });
    await learn(2, long);
    expect(await choose()).toMatchObject({ index: 2 });
    await busy(at, 2, 6);
    expect([await count(at, 0), await count(at, 2)]).toEqual([0, 7]);
    expect(await choose()).toMatchObject({ index: 2 });
    expect(await choose()).toMatchObject({ index: 0 });
    expect(await redis.ttl(redisKeys.promptPrefix(long, at.ids[2] ?? ""))).toBeGreaterThan(590);
  });

  test("04 §5.2: what an instance reports is what counts, once it differs", async () => {
    const at = world();
    await busy(at, 0, 3);
    const finish = (reportedConnections: number, isReportExact = false) =>
      store.finish(
        {
          chuteId: at.chuteId,
          instanceId: at.ids[0] ?? "",
          leaseId: "x",
          isSuccess: true,
          reportedConnections,
          isReportExact,
        },
        NOW,
      );
    await finish(5);
    expect(await count(at, 0)).toBe(3);
    await finish(8);
    expect(await count(at, 0)).toBe(8);
    await finish(4);
    expect(await count(at, 0)).toBe(4);
    await finish(10, true);
    expect(await count(at, 0)).toBe(10);
    expect(await count(at, 0, later(31))).toBe(3);
    await finish(0);
    expect(await count(at, 0)).toBe(3);
  });

  test("04 §3.4: a call within the quota uses it up, and only when it gets an instance", async () => {
    const at = world();
    const quota = { limit: 2, scope: "__default__", isPaying: false };
    const request = admission(at, { quota });
    const choose = (changes: Partial<TargetRequest> = {}) =>
      store.choose({ target: target(at, changes), admission: request }, NOW);
    const used = async () => Number(await redis.get(redisKeys.quotaUsed(NOW, at.userId, "__default__")));
    expect(await store.choose({ admission: request }, NOW)).toMatchObject({ kind: "open", isWithinQuota: true });
    expect(await choose({ slots: 0 })).toMatchObject({ kind: "overload" });
    expect(await used()).toBe(0);
    expect(await choose()).toMatchObject({ kind: "chosen", isWithinQuota: true, quotaUsed: 0 });
    await store.addQuota(request, -0.9, NOW);
    expect(await choose()).toMatchObject({ isWithinQuota: true, quotaUsed: expect.closeTo(0.1) });
    expect(await choose()).toMatchObject({ isWithinQuota: true, quotaUsed: expect.closeTo(1.1) });
    expect(await choose()).toEqual({ kind: "quota", quotaUsed: expect.closeTo(2.1) });
    expect(await store.choose({ admission: request }, NOW)).toMatchObject({ kind: "quota" });
    const paying = admission(at, { quota: { ...quota, isPaying: true } });
    expect(await store.choose({ target: target(at), admission: paying }, NOW)).toMatchObject({
      kind: "chosen",
      isWithinQuota: false,
    });
    expect(await used()).toBeCloseTo(2.1);
    const tomorrow = later(86_400);
    expect(await store.choose({ target: target(at), admission: request }, tomorrow)).toMatchObject({ quotaUsed: 0 });
  });

  test("04 §3.5: the rate limit looks back over its window, and refused calls do not count", async () => {
    const at = world();
    const request = admission(at, { rateLimit: { scope: "invoke", limit: 2, windowSeconds: 60 } });
    const choose = (seconds: number) =>
      store.choose({ target: target(at), admission: request }, later(seconds)).then((verdict) => verdict);
    expect((await choose(0)).kind).toBe("chosen");
    expect((await choose(30)).kind).toBe("chosen");
    expect(await choose(40)).toEqual({ kind: "rate", retryAfterMs: 20_000 });
    expect(await store.choose({ admission: request }, later(40))).toMatchObject({ kind: "rate" });
    expect((await choose(61)).kind).toBe("chosen");
    expect(await choose(62)).toEqual({ kind: "rate", retryAfterMs: 28_000 });
  });

  test("04 §3.1: a model held back is refused before anything else", async () => {
    const at = world();
    await redis.set(redisKeys.modelDisabled(at.chuteId), "1");
    const quota = { limit: 0, scope: "__default__", isPaying: false };
    expect(await store.choose({ target: target(at), admission: admission(at, { quota }) }, NOW)).toEqual({
      kind: "maintenance",
    });
  });

  test("04 §19.20: equal requests of one user are counted for a quarter of an hour", async () => {
    const at = world();
    const requestId = randomUUID();
    const finish = (isSuccess: boolean) =>
      store.finish({ chuteId: at.chuteId, instanceId: "i", leaseId: "x", isSuccess, requestId }, NOW);
    expect([await finish(true), await finish(false), await finish(true)]).toEqual([1, 0, 2]);
    expect(await redis.ttl(redisKeys.userRequest(requestId))).toBeGreaterThan(890);
  });

  test("04 §19.13: failures in a row disable, for longer each time within the hour, and at last delete", async () => {
    const instanceId = randomUUID();
    const record = (now: Date) => failures.record({ instanceId, failureId: randomUUID(), limit: 2 }, now);
    const disabled = redisKeys.instanceDisabled(instanceId);
    expect(await record(NOW)).toEqual({ consecutive: 1, disables: 0, isPendingDeletion: false });
    expect(await record(NOW)).toEqual({ consecutive: 2, disables: 1, isPendingDeletion: false });
    expect(await redis.ttl(disabled)).toBeGreaterThan(85);
    // Calls that were under way when it was disabled change nothing more.
    expect(await record(NOW)).toEqual({ consecutive: 3, disables: 0, isPendingDeletion: false });
    for (const disables of [2, 3, 4, 5]) {
      await redis.del(disabled);
      expect(await record(later(disables))).toMatchObject({ disables, isPendingDeletion: false });
      expect(await redis.ttl(disabled)).toBeGreaterThan(90 * disables - 5);
    }
    await redis.del(disabled);
    expect(await record(later(6))).toMatchObject({ disables: 6, isPendingDeletion: true });
    expect(await failures.mayDelete(instanceId, later(51))).toBe(true);
  });

  test("04 §7.4: disables more than an hour old are forgotten, and a success forgets everything", async () => {
    const instanceId = randomUUID();
    const record = (now: Date) => failures.record({ instanceId, failureId: randomUUID(), limit: 1 }, now);
    expect(await record(NOW)).toMatchObject({ disables: 1 });
    await redis.del(redisKeys.instanceDisabled(instanceId));
    expect(await record(later(3601))).toMatchObject({ disables: 1 });
    await store.finish({ chuteId: "c", instanceId, leaseId: "x", isSuccess: true }, later(3602));
    expect(await redis.exists(redisKeys.instanceDisabled(instanceId))).toBe(0);
    expect(await record(later(3603))).toMatchObject({ consecutive: 1, disables: 1 });
  });

  test("04 §19.17: the classic average moves by its weight", async () => {
    const chuteId = randomUUID();
    const average = movingAverages(redis);
    const add = (secondsPerUnit: number | undefined) =>
      average({ chuteId, unit: "spt" }, { secondsPerUnit, promptRate: undefined, outputRate: undefined }, NOW);
    expect((await add(undefined)).secondsPerUnit).toBeUndefined();
    expect((await add(2 / 400)).secondsPerUnit).toBe(0.005);
    expect(Number((await add(4 / 400)).secondsPerUnit?.toFixed(8))).toBe(0.005001);
    expect((await add(undefined)).secondsPerUnit).toBeCloseTo(0.005001, 8);
  });

  test("04 §19.17: the adaptive average weighs a call by how often calls come", async () => {
    const chuteId = randomUUID();
    const average = movingAverages(redis);
    const add = async (promptRate: number, seconds: number) => {
      await average(
        { chuteId, unit: "spt" },
        { secondsPerUnit: undefined, promptRate, outputRate: undefined },
        later(seconds),
      );
      const [ema, alpha] = await redis.hmget(redisKeys.adaptiveAverage("ptps", chuteId), "ema", "last_alpha");
      return [Number(Number(ema).toFixed(7)), Number(Number(alpha).toFixed(8))];
    };
    expect(await add(1000, 0)).toEqual([1000, 0.1]);
    expect(await add(2000, 1)).toEqual([1001.6666667, 0.00166667]);
    expect(await add(500, 1.5)).toEqual([1000.9065657, 0.00151515]);
    expect(await add(500, 1.5)).toEqual([1000.1476163, 0.00151515]);
  });

  test("04 §9.3: an adaptive average is given out after 25 calls", async () => {
    const chuteId = randomUUID();
    const average = movingAverages(redis);
    const seen = { secondsPerUnit: undefined, promptRate: 5000, outputRate: 60 };
    for (let calls = 1; calls < 25; calls += 1) {
      expect(await average({ chuteId, unit: "spt" }, seen, later(calls))).toMatchObject({ promptRate: undefined });
    }
    expect(await average({ chuteId, unit: "spt" }, seen, later(25))).toMatchObject({
      promptRate: expect.closeTo(5000),
      outputRate: expect.closeTo(60),
    });
    const nothing = { secondsPerUnit: undefined, promptRate: undefined, outputRate: undefined };
    expect(await average({ chuteId, unit: "spt" }, nothing, later(26))).toMatchObject({
      promptRate: expect.closeTo(5000),
      outputRate: expect.closeTo(60),
    });
  });
});
