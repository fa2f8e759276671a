import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import { settledLine } from "../../../../../src/domain/invocations/settled-attempt.js";
import { type Db, openPostgres } from "../../../../../src/infra/postgres/client.js";
import { createLogger } from "../../../../../src/kernel/logger.js";
import { AttemptWriter, type WriterOptions } from "../../../../../src/services/api/invocation/attempt-writer.js";
import { Spool } from "../../../../../src/services/api/invocation/spool.js";
import { test } from "../../../../support/fixtures.js";

const AT = new Date("2026-01-07T12:00:00Z");

function line(changes: Record<string, unknown> = {}): string {
  const settled = settledLine({
    invocationId: randomUUID(),
    parentInvocationId: randomUUID(),
    chuteId: "c1",
    chuteUserId: "owner",
    functionName: "chat",
    userId: "u1",
    imageId: "im1",
    imageUserId: "owner",
    instanceId: "i1",
    minerUid: 7,
    minerHotkey: "5Hotkey",
    startedAt: AT,
    completedAt: AT,
    errorMessage: null,
    computeMultiplier: 1,
    metrics: null,
    amountMicroUsd: 0n,
    isCharged: false,
    inputTokens: 0,
    outputTokens: 0,
  });
  return JSON.stringify({ ...(JSON.parse(settled) as object), ...changes });
}

const lines = (count: number) => Array.from({ length: count }, () => line());

/** Log lines, parsed. */
function recorder() {
  const seen: Record<string, unknown>[] = [];
  const stream = { write: (text: string) => void seen.push(JSON.parse(text) as Record<string, unknown>) };
  return { seen, log: createLogger({ level: "info", secrets: [], stream }) };
}

function writer(db: Db, options: Partial<WriterOptions> = {}): AttemptWriter {
  const { log } = recorder();
  return new AttemptWriter({ db, log, now: () => AT, batchLines: 100, batchMs: 10, ...options });
}

/** A database that is not there. */
function absentDb(): Db {
  const db = openPostgres({ url: "postgres://nobody@127.0.0.1:9/none", poolSize: 1, statementTimeoutMs: 1000 });
  onTestFinished(() => db.destroy());
  return db;
}

function folder(): string {
  const dir = join(mkdtempSync(join(tmpdir(), "spool-")), "new");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const stored = async (db: Db) =>
  (await db.selectFrom("partitioned_invocations").select("invocation_id").execute()).length;

test("lines are stored soon after they came, without anybody asking", async ({ db }) => {
  const writing = writer(db);
  for (const one of lines(3)) writing.push(one);
  await vi.waitFor(async () => expect(await stored(db)).toBe(3));
  await writing.close();
});

test("more lines than fit a batch are stored in several", async ({ db }) => {
  const writing = writer(db, { batchLines: 7 });
  for (const one of lines(50)) writing.push(one);
  await writing.close();
  expect(await stored(db)).toBe(50);
});

test("attempts of a week without partition are stored all the same", async ({ db }) => {
  const writing = writer(db);
  const old = "2025-03-03T10:00:00Z";
  writing.push(line({ started_at: old, completed_at: old }));
  await writing.flush();
  expect(await stored(db)).toBe(1);
  await writing.close();
});

test("a line that the database refuses does not keep the others out", async ({ db }) => {
  const { seen, log } = recorder();
  const writing = writer(db, { log });
  const good = lines(9);
  for (const one of [...good.slice(0, 4), line({ miner_uid: "seven" }), ...good.slice(4)]) writing.push(one);
  await writing.flush();
  expect(await stored(db)).toBe(9);
  expect(seen.filter(({ msg }) => String(msg).includes("the database refuses it"))).toHaveLength(1);
  await writing.close();
});

test("while the database is away lines go to disk, and the next process stores them", async ({ db }) => {
  const dir = folder();
  const first = writer(absentDb(), { spool: new Spool(dir) });
  for (const one of lines(5)) first.push(one);
  await first.flush();
  for (const one of lines(5)) first.push(one);
  await first.close();
  const [file] = readdirSync(dir);
  expect(
    readFileSync(join(dir, file ?? ""), "utf8")
      .trim()
      .split("\n"),
  ).toHaveLength(10);

  const second = writer(db, { spool: new Spool(dir), batchLines: 3 });
  await vi.waitFor(async () => expect(await stored(db)).toBe(10));
  await second.close();
  expect(readdirSync(dir)).toEqual([]);
});

test("a spool whose last line was cut off gives what is whole", async ({ db }) => {
  const dir = folder();
  const spool = new Spool(dir);
  await spool.append(lines(2));
  const file = join(dir, readdirSync(dir)[0] ?? "");
  writeFileSync(file, `${readFileSync(file, "utf8")}${line().slice(0, 80)}`);
  const writing = writer(db, { spool: new Spool(dir) });
  await writing.flush();
  expect(await stored(db)).toBe(2);
  await writing.close();
});

test("a replay that fails keeps its file", async () => {
  const dir = folder();
  const spool = new Spool(dir);
  const written = lines(3);
  await spool.append(written);
  const refuse = async () => {
    throw new Error("away");
  };
  await expect(spool.replay(refuse, 10)).rejects.toThrow("away");
  const seen: string[] = [];
  await new Spool(dir).replay(async (batch) => void seen.push(...batch), 2);
  expect(seen).toEqual(written);
  expect(existsSync(dir) ? readdirSync(dir) : []).toEqual([]);
});

test("without a spool lines wait in memory, and the oldest go beyond the limit", async () => {
  const { seen, log } = recorder();
  const writing = writer(absentDb(), { log, maxWaiting: 200, batchMs: 1000 });
  await writing.flush();
  for (const one of lines(203)) writing.push(one);
  await writing.close();
  const lost = seen.filter(({ level }) => level === 50).map(({ rows }) => rows);
  expect(lost).toEqual([2, 2, 199]);
});
