import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { type SettledAttempt, settledLine } from "../../src/domain/invocations/settled-attempt.js";
import { ensurePartitionsFor, settleAttempts } from "../../src/domain/invocations/settlement-repository.js";
import { newestStaleHour, rollUp } from "../../src/domain/stats/rollup-repository.js";
import type { Db } from "../../src/infra/postgres/client.js";

/** A finished language-model call of a user, an hour before the test's noon. */
export function attemptOf(userId: string, changes: Partial<SettledAttempt> = {}): SettledAttempt {
  const completedAt = changes.completedAt ?? new Date("2026-01-07T11:00:02Z");
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
    startedAt: new Date(completedAt.getTime() - 2000),
    completedAt,
    errorMessage: null,
    computeMultiplier: 0.5,
    bounty: 0,
    metrics: { it: 100, ot: 40, ct: 10, ttft: 0.5, tt: 2, tps: 20, b: 0.000037 },
    amountMicroUsd: 37n,
    isCharged: true,
    inputTokens: 100,
    outputTokens: 40,
    ...changes,
  };
}

/** Stores attempts as the gateway does, whenever they were made. */
export async function settle(db: Db, attempts: readonly SettledAttempt[], now = new Date()): Promise<void> {
  if (attempts.length === 0) return;
  const lines = attempts.map(settledLine);
  await ensurePartitionsFor(db, lines);
  await settleAttempts(db, lines, now);
}

/** Brings the sums up to date, as the job does. */
export async function rollUpAll(db: Db, now: Date): Promise<void> {
  let hour = await newestStaleHour(db, undefined);
  while (hour !== undefined) {
    const stale = hour;
    const { start } = await db.transaction().execute((tx) => rollUp(tx, stale, now));
    hour = await newestStaleHour(db, start);
  }
}

/** Everything that the sums by day say, by day and chute. */
export async function dailySums(db: Db) {
  const days = await sql<Record<string, unknown>>`
    select d.*, d.day::text as day from invocation_days d order by d.day, d.chute_id`.execute(db);
  const usage = await sql<Record<string, unknown>>`
    select u.*, u.day::text as day from usage_days u order by u.day, u.chute_id`.execute(db);
  return { days: days.rows, usage: usage.rows };
}
