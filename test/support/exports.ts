import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { sql } from "kysely";
import type { ChainClient } from "../../src/infra/chain/client.js";
import { openChain } from "../../src/infra/chain/open.js";
import { openFileStore } from "../../src/infra/object-store/files.js";
import type { ObjectStore } from "../../src/infra/object-store/store.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { auditExportJob, type ExportRange } from "../../src/jobs/audit-export/audit-export-job.js";
import type { ExportSources } from "../../src/jobs/audit-export/export-deps.js";
import type { Job, JobResult } from "../../src/jobs/job.js";
import { runJobOnce } from "../../src/jobs/job-runner.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import { CloseStack, type Running } from "../../src/kernel/lifecycle.js";
import { createLogger, type Logger } from "../../src/kernel/logger.js";
import { createMetrics } from "../../src/kernel/metrics.js";
import { serveLocalChain } from "../../src/local/chain/chain-server.js";
import { createLocalChain } from "../../src/local/chain/local-chain.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import { ALICE, BOB } from "../fakes/chain-accounts.js";
import { test as base } from "./fixtures.js";

/** The validator of these tests. */
export const HOTKEY = ALICE.address;
export const PSEUDONYM_KEY = "export-test-key";
const NETUID = 64;
/** Fast enough that nothing waits for finality, slow enough that 31 commitments do not fill an epoch. */
const BLOCK_TIME_MS = 5;

/** Everything an export touches: a database, a ticking local chain behind a socket, objects as files, a clock that stands still. */
export interface ExportPlatform extends Running {
  readonly db: Db;
  readonly sources: ExportSources;
  readonly store: ObjectStore;
  readonly chain: ChainClient;
  /** The job's clock. */
  now: Date;
  /** Runs the export job once, with other outside things or settings when given. */
  run(how?: { range?: ExportRange; sources?: Partial<ExportSources> }): Promise<JobResult>;
  runJob(job: Job): Promise<JobResult>;
}

export async function openExportPlatform(
  db: Db,
  options: { now?: string; settings?: Record<string, unknown>; log?: Logger } = {},
): Promise<ExportPlatform> {
  await initCrypto();
  const log = options.log ?? createLogger({ level: "fatal", secrets: [] });
  const stack = new CloseStack();
  const local = await createLocalChain({
    db,
    log,
    now: () => new Date(),
    blockTimeMs: BLOCK_TIME_MS,
    netuid: NETUID,
  });
  await local.register([HOTKEY, BOB.address].map((hotkey) => ({ hotkey, coldkey: hotkey, validatorPermit: true })));
  const server = stack.use(await serveLocalChain(local, log, { host: "127.0.0.1", port: 0 }));
  const chain = stack.use(await openChain({ url: server.url, timeoutMs: 5000 }, log));
  const dir = await mkdtemp(join(tmpdir(), "chutes-objects-"));
  stack.add(() => rm(dir, { recursive: true, force: true }));
  const store = await openFileStore(dir);
  const settings = { environment: "dev", netuid: NETUID, ...options.settings };
  const config = loadConfig({ env: {}, overrides: settings });
  const signer = keypairFromSeed(ALICE.seed);
  const sources = { config, db, store, chain, signer, pseudonymKey: PSEUDONYM_KEY };
  const runner = { db, log, metrics: createMetrics(), signal: new AbortController().signal, leaseSeconds: 10 };
  const platform: ExportPlatform = {
    db,
    sources,
    store,
    chain,
    now: new Date(options.now ?? "2026-01-07T14:02:00Z"),
    run: ({ range, sources: others } = {}) => platform.runJob(auditExportJob({ ...sources, ...others }, range)),
    runJob: (job) => runJobOnce({ ...runner, now: () => platform.now }, job),
    close: () => stack.close(),
  };
  return platform;
}

/** `test` with an export platform whose clock stands at 14:02 of 7 January 2026. */
export const exportTest = base.extend<{ platform: ExportPlatform }>({
  platform: async ({ db }, use) => {
    const platform = await openExportPlatform(db);
    await use(platform);
    await platform.close();
  },
});

export interface InvocationSeed {
  readonly id?: string;
  readonly startedAt: string;
  readonly completedAt?: string | null;
  readonly error?: string | null;
  readonly multiplier?: number;
  readonly bounty?: number;
  readonly uid?: number;
  readonly hotkey?: string;
  readonly metrics?: object | null;
}

/** Adds invocation rows; partitions are made as they are needed. */
export async function givenInvocations(db: Db, seeds: readonly InvocationSeed[]): Promise<void> {
  for (const seed of seeds) {
    const at = new Date(`${seed.startedAt.slice(0, 19)}Z`);
    await sql`select ensure_invocation_partitions(${at}, ${at})`.execute(db);
    const id = seed.id ?? createHash("md5").update(JSON.stringify(seed)).digest("hex");
    const metrics = seed.metrics === undefined || seed.metrics === null ? null : JSON.stringify(seed.metrics);
    await sql`insert into partitioned_invocations (invocation_id, parent_invocation_id, chute_id, chute_user_id, function_name, user_id,
        image_id, image_user_id, instance_id, miner_uid, miner_hotkey, started_at, completed_at, error_message, compute_multiplier,
        bounty, metrics)
      values (${id}, ${`parent-${id}`}, 'chute', 'owner', 'chat', 'caller', 'image', 'owner', 'instance', ${seed.uid ?? 1},
        ${seed.hotkey ?? BOB.address}, ${`${seed.startedAt}+00`}::timestamptz,
        ${seed.completedAt === undefined || seed.completedAt === null ? null : `${seed.completedAt}+00`}::timestamptz,
        ${seed.error ?? null}, ${seed.multiplier ?? 4}, ${seed.bounty ?? 0}, ${metrics}::jsonb)`.execute(db);
  }
}

export interface ListedEntry {
  readonly entry_id: string;
  readonly block: number;
  readonly path: string;
  readonly sha256: string;
  readonly start_time: Date;
}

/** Entries of the index by time, then by block. */
export function listedEntries(db: Db): Promise<ListedEntry[]> {
  return db.selectFrom("audit_entries").selectAll().orderBy("start_time").orderBy("block").execute();
}

/** Text of a stored object. */
export async function objectText(store: ObjectStore, key: string): Promise<string> {
  const found = await store.get(key);
  if (found === undefined) throw new Error(`no object ${key}`);
  return text(found.body);
}

export function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Keys of everything in the store. */
export async function storedKeys(store: ObjectStore): Promise<string[]> {
  return (await store.list("", { limit: 10_000 })).map(({ key }) => key);
}
