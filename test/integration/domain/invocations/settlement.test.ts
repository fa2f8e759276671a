import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { expect } from "vitest";
import { postTransfer } from "../../../../src/domain/billing/ledger-repository.js";
import { recentUsage } from "../../../../src/domain/billing/usage-repository.js";
import { type SettledAttempt, settledLine } from "../../../../src/domain/invocations/settled-attempt.js";
import { ensurePartitions, settleAttempts } from "../../../../src/domain/invocations/settlement-repository.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { test } from "../../../support/fixtures.js";
import { givenCaller } from "../../../support/gateway-api.js";
import { rollUpAll } from "../../../support/invocation-rows.js";
import { givenChute, givenInstance, outboxOf } from "../../../support/miner-builders.js";

const NOW = new Date("2026-01-07T12:59:59.900Z");

function attempt(userId: string, changes: Partial<SettledAttempt> = {}): SettledAttempt {
  return {
    invocationId: randomUUID(),
    parentInvocationId: randomUUID(),
    chuteId: "c1",
    chuteUserId: "owner",
    functionName: "chat",
    userId,
    imageId: "im1",
    imageUserId: "owner",
    instanceId: "i1",
    minerUid: 7,
    minerHotkey: "5Hotkey",
    startedAt: new Date(NOW.getTime() - 1500),
    completedAt: NOW,
    errorMessage: null,
    computeMultiplier: 0.5,
    bounty: 0,
    metrics: { it: 10, ot: 5, ttft: null, b: 0.000037 },
    amountMicroUsd: 37n,
    isCharged: true,
    inputTokens: 10,
    outputTokens: 5,
    ...changes,
  };
}

const settle = (db: Db, attempts: readonly SettledAttempt[]) => settleAttempts(db, attempts.map(settledLine), NOW);
const balanceOf = async (db: Db, userId: string) =>
  (await db.selectFrom("users").select("balance_micro_usd").where("user_id", "=", userId).executeTakeFirstOrThrow())
    .balance_micro_usd;
const bookedFor = async (db: Db, account: string) => {
  const { rows } = await sql<{ sum: bigint | null }>`
    select sum(amount_micro_usd)::bigint as sum from ledger_entries where account = ${account}`.execute(db);
  return rows[0]?.sum ?? 0n;
};

test("a batch stores rows, adds usage by the hour and charges each user once", async ({ db }) => {
  await ensurePartitions(db, NOW);
  const [alice, bob] = [await givenCaller(db, { balanceUsd: 1 }), await givenCaller(db, { balanceUsd: 1 })];
  await settle(db, [
    attempt(alice.userId),
    attempt(alice.userId, { amountMicroUsd: 3n }),
    attempt(alice.userId, { completedAt: new Date("2026-01-07T13:00:00.100Z"), amountMicroUsd: 0n }),
    attempt(bob.userId, { isCharged: false, amountMicroUsd: 500n }),
    attempt(bob.userId, { errorMessage: "RATE_LIMIT", metrics: null, amountMicroUsd: 0n }),
  ]);
  expect([await balanceOf(db, alice.userId), await balanceOf(db, bob.userId)]).toEqual([999_960n, 1_000_000n]);
  expect(await bookedFor(db, "platform:revenue")).toBe(40n);
  const usage = await db.selectFrom("usage_data").selectAll().orderBy("bucket").orderBy("amount_micro_usd").execute();
  expect(usage).toMatchObject([
    { user_id: alice.userId, amount_micro_usd: 40n, count: 2, input_tokens: 20n, output_tokens: 10n },
    { user_id: bob.userId, amount_micro_usd: 500n, count: 1 },
    { user_id: alice.userId, amount_micro_usd: 0n, count: 1 },
  ]);
  expect(usage.map(({ bucket }) => bucket.toISOString().slice(11, 16))).toEqual(["12:00", "12:00", "13:00"]);
  const rows = await db.selectFrom("partitioned_invocations").select(["error_message", "amount_micro_usd"]).execute();
  expect(rows.map((row) => row.amount_micro_usd).sort()).toEqual([0n, 0n, 0n, 37n, 3n].sort());
  await rollUpAll(db, NOW);
  expect(await recentUsage(db, "2026-01-01")).toEqual([
    { chuteId: "c1", date: "2026-01-07", amountMicroUsd: 540n, count: 4 },
  ]);
});

test("04 §19.25: a batch that is sent again, whole or in part, charges nothing twice", async ({ db }) => {
  await ensurePartitions(db, NOW);
  const { userId } = await givenCaller(db, { balanceUsd: 1 });
  const attempts = Array.from({ length: 10 }, () => attempt(userId, { amountMicroUsd: 1n }));
  await settle(db, attempts.slice(0, 6));
  await settle(db, attempts);
  await settle(db, attempts);
  expect(await balanceOf(db, userId)).toBe(1_000_000n - 10n);
  expect(await bookedFor(db, `user:${userId}`)).toBe(-10n);
});

test("04 §19.25: whenever a settlement is cut off, the charges equal the rows", async ({ db }) => {
  await ensurePartitions(db, NOW);
  const { userId } = await givenCaller(db, { balanceUsd: 1 });
  const all: SettledAttempt[] = [];
  for (let round = 0; round < 20; round += 1) {
    const attempts = Array.from({ length: 5 }, (_, index) => attempt(userId, { amountMicroUsd: BigInt(index + 1) }));
    all.push(...attempts);
    const lines = attempts.map(settledLine);
    // The process dies between two statements: what was not committed is gone, and the batch is sent again.
    await db
      .transaction()
      .execute(async (tx) => {
        await settleAttempts(asTransaction(tx), lines, NOW);
        if (round % 2 === 0) throw new Error("killed");
      })
      .catch(() => undefined);
    await settle(db, attempts);
  }
  const sum = all.reduce((total, { amountMicroUsd }) => total + amountMicroUsd, 0n);
  expect(await balanceOf(db, userId)).toBe(1_000_000n - sum);
  expect(await bookedFor(db, "platform:revenue")).toBe(sum);
});

/** Lets a settlement run inside a transaction of the test's own. */
function asTransaction(tx: Db): Db {
  return Object.assign(Object.create(tx) as Db, {
    transaction: () => ({ execute: (work: (db: Db) => unknown) => work(tx) }),
  });
}

test("two gateways that settle at once do not block each other", async ({ db }) => {
  await ensurePartitions(db, NOW);
  const users = await Promise.all(Array.from({ length: 8 }, () => givenCaller(db, { balanceUsd: 1 })));
  const batch = (order: readonly { userId: string }[]) =>
    order.map(({ userId }) => attempt(userId, { amountMicroUsd: 1n }));
  const rounds = Array.from({ length: 12 }, (_, index) =>
    settle(db, batch(index % 2 === 0 ? users : [...users].reverse())),
  );
  await Promise.all(rounds);
  for (const { userId } of users) expect(await balanceOf(db, userId)).toBe(1_000_000n - 12n);
});

test("every charge announces the balance, and the one that uses it up the account", async ({ db }) => {
  await ensurePartitions(db, NOW);
  const { userId } = await givenCaller(db, { balanceUsd: 0.00005 });
  await settle(db, [attempt(userId)]);
  const balance = { kind: "balance", id: userId };
  expect(await outboxOf(db, "cache_invalidate")).toEqual([balance]);
  await settle(db, [attempt(userId)]);
  await settle(db, [attempt(userId), attempt(userId, { isCharged: false })]);
  const events = await outboxOf(db, "cache_invalidate");
  expect(events).toEqual([balance, balance, { kind: "account", id: userId }, balance]);
  expect(await balanceOf(db, userId)).toBe(50n - 111n);
});

test("a call keeps its private instance, but shortens no longer life", async ({ db }) => {
  await ensurePartitions(db, NOW);
  const { userId } = await givenCaller(db);
  await givenChute(db, { chuteId: "c1", public: false });
  const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
  const instances = { soon: later(10), late: later(900), open: null };
  for (const [instanceId, stopBillingAt] of Object.entries(instances)) {
    const port = 31_000 + instanceId.length + instanceId.charCodeAt(0);
    await givenInstance(db, { instanceId, chuteId: "c1", hotkey: "5Hotkey", stopBillingAt, port });
  }
  await settle(
    db,
    Object.keys(instances).map((instanceId) => attempt(userId, { instanceId, keepsAliveUntil: later(300) })),
  );
  const rows = await db
    .selectFrom("instances")
    .select(["instance_id", "stop_billing_at"])
    .orderBy("instance_id")
    .execute();
  expect(rows).toEqual([
    { instance_id: "late", stop_billing_at: later(900) },
    { instance_id: "open", stop_billing_at: null },
    { instance_id: "soon", stop_billing_at: later(300) },
  ]);
});

test("texts that the database cannot hold are made storable", async ({ db }) => {
  await ensurePartitions(db, NOW);
  const { userId } = await givenCaller(db);
  await settle(db, [attempt(userId, { errorMessage: `a\0b\ud800c"\n` })]);
  const [row] = await db.selectFrom("partitioned_invocations").select("error_message").execute();
  expect(row?.error_message).toBe('ab\ufffdc"\n');
});

test("a transfer is booked once per key, and both sides of it agree", async ({ db }) => {
  const { userId } = await givenCaller(db);
  const transfer = {
    from: "platform:adjustments",
    to: `user:${userId}`,
    amountMicroUsd: 5_000_000n,
    reason: "deposit",
    idempotencyKey: "block-1",
    now: NOW,
  };
  const answers = await Promise.all([1, 2, 3].map(() => postTransfer(db, transfer)));
  expect(answers.filter(Boolean)).toHaveLength(1);
  expect(await balanceOf(db, userId)).toBe(5_000_000n);
  expect(await bookedFor(db, "platform:adjustments")).toBe(-5_000_000n);
});
