import { sql } from "kysely";
import { expect } from "vitest";
import type { ProfileName } from "../../../../src/domain/scoring/profiles.js";
import { scoreMiners } from "../../../../src/domain/scoring/score.js";
import {
  gpuCountByChute,
  metagraphEntries,
  scoringInputs,
} from "../../../../src/domain/scoring/score-inputs-repository.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { test } from "../../../support/fixtures.js";
import {
  AS_OF,
  GPU_COUNTS,
  HISTORY,
  hoursBefore,
  INSTANCES,
  KEYS,
  METAGRAPH,
  ROWS,
} from "../../../unit/domain/scoring/worked-example.js";

const usToText = (us: number) => new Date(us / 1000).toISOString();
const NUMBERS = ["it", "ot", "tokens", "steps", "masps", "maspt", "nc"] as const;

/** The worked example as the platform itself would hold it. */
async function givenWorkedExample(db: Db): Promise<void> {
  await sql`select ensure_invocation_partitions(${hoursBefore(300)}, ${AS_OF})`.execute(db);
  for (const { hotkey, coldkey, uid } of METAGRAPH) {
    await sql`insert into metagraph_nodes (netuid, hotkey, coldkey, checksum, node_id, synced_at)
      values (64, ${hotkey}, ${coldkey}, '', ${uid}, now())`.execute(db);
  }
  for (const [index, row] of ROWS.entries()) {
    const known = NUMBERS.filter((name) => !Number.isNaN(row[name])).map((name) => [name, row[name]]);
    const metrics = { ...Object.fromEntries(known), ...(row.isPrivate ? { p: true } : {}) };
    const completedAt = Number.isNaN(row.completedAtUs) ? null : usToText(row.completedAtUs);
    await sql`insert into partitioned_invocations (invocation_id, parent_invocation_id, chute_id, chute_user_id, function_name, user_id,
        image_id, image_user_id, instance_id, miner_uid, miner_hotkey, started_at, completed_at, error_message, compute_multiplier,
        bounty, metrics)
      values (${`i${index}`}, ${`p${index}`}, ${row.chuteId}, 'o', 'f', 'u', 'im', 'o', 'in', ${row.minerUid}, ${row.hotkey},
        ${usToText(row.startedAtUs)}, ${completedAt}, ${row.failed ? "RATE_LIMIT" : null}, ${row.computeMultiplier}, ${row.bounty},
        ${JSON.stringify(metrics)}::jsonb)`.execute(db);
    if (row.voidFromUs === Number.POSITIVE_INFINITY) continue;
    await sql`insert into reports values (${`p${index}`}, 'u', ${usToText(row.startedAtUs)}, ${usToText(row.voidFromUs)}, 'o', 'r')`.execute(
      db,
    );
  }
  for (const audit of INSTANCES) {
    await sql`insert into instance_audit (instance_id, chute_id, version, created_at, activated_at, deleted_at, deletion_reason, miner_uid,
        miner_hotkey, region, billed_to, stop_billing_at, compute_multiplier)
      values (${audit.instanceId}, ${audit.chuteId}, 'v', ${audit.createdAt}, ${audit.activatedAt}, ${audit.deletedAt},
        ${audit.deletionReason}, 1, ${audit.hotkey}, 'n/a', ${audit.isBilled ? "user" : null}, ${audit.stopBillingAt},
        ${audit.computeMultiplier})`.execute(db);
  }
  for (const interval of HISTORY) {
    await sql`insert into instance_compute_history values (${interval.instanceId}, ${interval.computeMultiplier},
      ${interval.startedAt}, ${interval.endedAt})`.execute(db);
  }
  for (const [chuteId, count] of GPU_COUNTS) await givenChuteVersion(db, chuteId, { count, hour: 200 });
}

async function givenChuteVersion(db: Db, chuteId: string, { count, hour }: { count: unknown; hour: number }) {
  await sql`insert into chute_history (chute_id, user_id, name, image_id, public, cords, node_selector, code, version, created_at, updated_at)
    values (${chuteId}, 'u', 'n', 'im', true, '[]', ${JSON.stringify({ gpu_count: count })}::jsonb, '', 'v', ${hoursBefore(hour)},
      ${hoursBefore(hour)})`.execute(db);
}

const { Alice, Bob, Charlie, Dave, Eve } = KEYS;

test.for<[ProfileName, Record<string, number>]>([
  ["instance-lifetime", { [Alice]: 0.436814384, [Bob]: 0.508811532, [Charlie]: 0.053859253, [Eve]: 0.000514831 }],
  ["invocations-2025-10", { [Alice]: 0.852085623, [Bob]: 0.119646954, [Charlie]: 0.028250249, [Eve]: 0.000017174 }],
  ["invocations-2025-02", { [Alice]: 0.295319215, [Bob]: 0.411297672, [Charlie]: 0.23754715, [Dave]: 0.055835963 }],
])("07 §3.7: %s scores the platform's own tables", async ([profile, expected], { db }) => {
  await givenWorkedExample(db);
  const question = { profile, netuid: 64, asOf: AS_OF, oneHotkeyPerColdkey: true };
  // In one transaction, as the export reads: one connection for everything.
  const inputs = await db.transaction().execute((snapshot) => scoringInputs(snapshot, question));
  const { scores } = scoreMiners(profile, inputs);
  expect([...scores.keys()].sort()).toEqual(Object.keys(expected).sort());
  for (const [hotkey, score] of Object.entries(expected)) expect(scores.get(hotkey)).toBeCloseTo(score, 9);
});

test("what happens after the evaluation time changes nothing", async ({ db }) => {
  await givenWorkedExample(db);
  const question = { profile: "invocations-2025-10", netuid: 64, asOf: AS_OF, oneHotkeyPerColdkey: true } as const;
  const before = scoreMiners("invocations-2025-10", await scoringInputs(db, question));
  const later = new Date(AS_OF.getTime() + 60_000);
  await sql`insert into partitioned_invocations select 'late-' || invocation_id, parent_invocation_id, chute_id, chute_user_id, function_name,
      user_id, image_id, image_user_id, instance_id, miner_uid, miner_hotkey, ${later}, ${later}, null, compute_multiplier, 1000, metrics
    from partitioned_invocations`.execute(db);
  await sql`insert into instance_audit (instance_id, chute_id, version, created_at, activated_at, miner_uid, miner_hotkey, region, billed_to)
    values ('late', 'C1', 'v', ${later}, ${later}, 1, ${Eve}, 'n/a', 'user')`.execute(db);
  expect(scoreMiners("invocations-2025-10", await scoringInputs(db, question))).toEqual(before);
});

test("only keys of the subnet score, without the operator's own rows", async ({ db }) => {
  await sql`insert into metagraph_nodes (netuid, hotkey, coldkey, checksum, node_id, blacklist_reason, synced_at) values
    (64, 'a', 'c', '', 0, 'cheats', now()), (64, 'test-miner', 'c', '', -1, null, now()), (120, 'b', 'c', '', 1, null, now())`.execute(
    db,
  );
  expect(await metagraphEntries(db, 64)).toEqual([{ uid: 0, hotkey: "a", coldkey: "c", blacklistReason: "cheats" }]);
});

test("the latest GPU count of a chute counts, whatever else its history holds", async ({ db }) => {
  await givenChuteVersion(db, "c1", { count: 8, hour: 10 });
  await givenChuteVersion(db, "c1", { count: 2, hour: 5 });
  await givenChuteVersion(db, "c2", { count: "many", hour: 5 });
  expect(await gpuCountByChute(db)).toEqual(new Map([["c1", 2]]));
});
