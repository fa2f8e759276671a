import { sql } from "kysely";
import { expect, onTestFinished } from "vitest";
import { publishedScores } from "../../../src/domain/metagraph/score-snapshot-repository.js";
import { openChain } from "../../../src/infra/chain/open.js";
import type { Db } from "../../../src/infra/postgres/client.js";
import type { Job } from "../../../src/jobs/job.js";
import { runJobOnce } from "../../../src/jobs/job-runner.js";
import { maintenanceJob } from "../../../src/jobs/maintenance-job.js";
import { metasyncJob } from "../../../src/jobs/metasync-job.js";
import { scoresJob } from "../../../src/jobs/scores-job.js";
import { loadConfig } from "../../../src/kernel/config/load.js";
import type { Logger } from "../../../src/kernel/logger.js";
import { createMetrics } from "../../../src/kernel/metrics.js";
import { ALICE, BOB, CHARLIE } from "../../fakes/chain-accounts.js";
import { startLocalChain } from "../../fakes/chain-local.js";
import { test } from "../../support/fixtures.js";

const config = loadConfig({ env: {}, overrides: { environment: "dev", netuid: 64 } });

function runner(db: Db, log: Logger, now = () => new Date()) {
  const { signal } = new AbortController();
  return (job: Job) => runJobOnce({ db, log, now, signal, metrics: createMetrics(), leaseSeconds: 10 }, job);
}

async function storedKeys(db: Db): Promise<string[]> {
  const rows = await db.selectFrom("metagraph_nodes").select("hotkey").orderBy("node_id").execute();
  return rows.map((row) => row.hotkey);
}

test("metasync copies the chain's keys and announces what changed", async ({ db, log }) => {
  const net = await startLocalChain({ db, log });
  onTestFinished(() => net.close());
  const chain = await openChain({ url: net.url, timeoutMs: 5000 }, log);
  const run = runner(db, log);
  const job = metasyncJob({ db, chain, config });
  await net.chain.register([ALICE, BOB].map(({ address }) => ({ hotkey: address, coldkey: ALICE.address })));
  const head = await chain.head();
  expect(await run(job)).toEqual({ items: 2, details: { block: head.number, neurons: 2 } });
  expect(await storedKeys(db)).toEqual([ALICE.address, BOB.address]);
  expect((await run(job)).items).toBe(0);
  await net.chain.register([{ hotkey: BOB.address, coldkey: CHARLIE.address, incentive: 7 }]);
  await sql`truncate outbox`.execute(db);
  expect((await run(job)).items).toBe(1);
  const events = await db.selectFrom("outbox").select(["channel", "payload"]).orderBy("event_id").execute();
  expect(events[0]).toMatchObject({
    channel: "metagraph_change:64",
    payload: { hotkey: BOB.address, coldkey: CHARLIE.address, incentive: 7 },
  });
});

test("07 §2.3: half a metagraph is refused once and believed when the next reading is the same", async ({
  db,
  log,
}) => {
  const neuron = (uid: number) => ({
    uid,
    hotkey: `key-${uid}`,
    coldkey: "cold",
    incentive: 0,
    consensus: 0,
    taoStakeRao: 0n,
    alphaStakeRao: 0n,
    totalStakeRao: 0n,
    validatorPermit: false,
    lastUpdateBlock: 0,
    ip: "0.0.0.0",
    ipType: 4,
    port: 0,
    protocol: 4,
  });
  let uids = [1, 2, 3, 4, 5];
  const net = await startLocalChain({ db, log });
  onTestFinished(() => net.close());
  const shrinking = { ...net.client, metagraph: async () => ({ netuid: 64, block: 1, neurons: uids.map(neuron) }) };
  const run = runner(db, log);
  const job = metasyncJob({ db, chain: shrinking, config });
  await run(job);
  uids = [1, 2];
  await expect(run(job)).rejects.toMatchObject({ kind: "unavailable" });
  uids = [1, 3];
  await expect(run(job)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await storedKeys(db)).toHaveLength(5);
  await run(job);
  expect(await storedKeys(db)).toEqual(["key-1", "key-3"]);
  uids = [];
  await expect(run(job)).rejects.toMatchObject({ kind: "unavailable" });
  await expect(run(job)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await storedKeys(db)).toHaveLength(2);
});

test("the scores job publishes what the scores route reads, and replaces it", async ({ db, log }) => {
  await sql`insert into metagraph_nodes (netuid, hotkey, coldkey, checksum, node_id, synced_at) values
    (64, 'one', 'c1', '', 1, now()), (64, 'two', 'c2', '', 2, now()), (64, 'idle', 'c3', '', 3, now())`.execute(db);
  await sql`insert into instance_audit (instance_id, chute_id, version, created_at, activated_at, miner_uid, miner_hotkey, region, compute_multiplier)
    values ('i1', 'c', 'v', '2026-01-07 12:00+00', '2026-01-07 12:00+00', 1, 'one', 'n/a', 3),
           ('i2', 'c', 'v', '2026-01-07 12:00+00', '2026-01-07 12:00+00', 2, 'two', 'n/a', 1)`.execute(db);
  expect(await publishedScores(db)).toBeUndefined();
  let now = new Date("2026-01-07T13:00:00Z");
  const run = runner(db, log, () => now);
  expect(await run(scoresJob({ db, config }))).toMatchObject({ items: 2 });
  expect(await publishedScores(db)).toEqual({
    raw_values: {
      one: { total_instances: 1, bounty_score: 0, instance_seconds: 3600, instance_compute_units: 10_800 },
      two: { total_instances: 1, bounty_score: 0, instance_seconds: 3600, instance_compute_units: 3600 },
    },
    final_scores: { one: 0.75, two: 0.25 },
  });
  await sql`delete from metagraph_nodes where hotkey = 'two'`.execute(db);
  now = new Date("2026-01-07T14:00:00Z");
  await run(scoresJob({ db, config }));
  expect((await publishedScores(db))?.["final_scores"]).toEqual({ one: 1 });
});

test("maintenance makes the partitions of a week ahead and forgets runs of a month ago", async ({ db, log }) => {
  const now = new Date("2026-12-31T12:00:00Z");
  const run = runner(db, log, () => now);
  await sql`insert into job_runs (job, holder, fence, scheduled_for, started_at, status) values
    ('old', 'x', 1, now(), '2026-12-01 11:59:59+00', 'succeeded'),
    ('recent', 'x', 1, now(), '2026-12-01 12:00:01+00', 'succeeded')`.execute(db);
  await run(maintenanceJob(db));
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'partitioned_invocations'::regclass
    order by 1`.execute(db);
  expect(rows.map(({ name }) => name)).toEqual(["partitioned_invocations_2026_53", "partitioned_invocations_2027_01"]);
  const jobs = await db.selectFrom("job_runs").select("job").orderBy("run_id").execute();
  expect(jobs.map(({ job }) => job)).toEqual(["recent", "maintenance"]);
  await run(maintenanceJob(db));
});
