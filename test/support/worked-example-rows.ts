import { sql } from "kysely";
import type { Db } from "../../src/infra/postgres/client.js";
import {
  AS_OF,
  GPU_COUNTS,
  HISTORY,
  hoursBefore,
  INSTANCES,
  METAGRAPH,
  ROWS,
} from "../unit/domain/scoring/worked-example.js";

const usToText = (us: number) => new Date(us / 1000).toISOString();
const NUMBERS = ["it", "ot", "tokens", "steps", "masps", "maspt", "nc"] as const;

/** The worked example of protocol 07 §3.7 as the platform itself would hold it. */
export async function givenWorkedExample(db: Db): Promise<void> {
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

/** One more version in a chute's history, so many hours before the evaluation. */
export async function givenChuteVersion(db: Db, chuteId: string, { count, hour }: { count: unknown; hour: number }) {
  await sql`insert into chute_history (chute_id, user_id, name, image_id, public, cords, node_selector, code, version, created_at, updated_at)
    values (${chuteId}, 'u', 'n', 'im', true, '[]', ${JSON.stringify({ gpu_count: count })}::jsonb, '', 'v', ${hoursBefore(hour)},
      ${hoursBefore(hour)})`.execute(db);
}
