import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import type { InvocationMetrics } from "../../wire/metrics.js";
import { ChuteMedians } from "./chute-medians.js";
import { groupByInstance, type InvocationSums, type MetagraphEntry, type ScoringInputs, WINDOW_MS } from "./inputs.js";
import { billableSeconds202510, type InvocationRow } from "./invocation-row.js";
import { InvocationTally } from "./invocation-tally.js";
import type { ProfileName } from "./profiles.js";

export interface ScoreQuestion {
  readonly profile: ProfileName;
  readonly netuid: number;
  readonly asOf: Date;
  readonly oneHotkeyPerColdkey: boolean;
}

/** (since, asOf]: what can still matter at the evaluation time. */
interface Window {
  readonly since: Date;
  readonly asOf: Date;
}

/** Everything a profile reads, from the platform's own tables, as of one moment. @see protocol 07 §3 */
export async function scoringInputs(db: Db, question: ScoreQuestion): Promise<ScoringInputs> {
  const { profile, netuid, asOf, oneHotkeyPerColdkey } = question;
  const window = { since: new Date(asOf.getTime() - WINDOW_MS), asOf };
  // One after the other: inside a snapshot they share one connection.
  return {
    asOf,
    metagraph: await metagraphEntries(db, netuid),
    instances: await instanceAudits(db, window),
    history: groupByInstance(await computeHistory(db, window)),
    gpuCounts: await gpuCountByChute(db),
    invocations: profile === "instance-lifetime" ? new Map() : await invocationSums(db, question, window),
    oneHotkeyPerColdkey,
  };
}

/** Registered keys of the subnet; operator-made rows (negative ids) do not score. */
export async function metagraphEntries(db: Db, netuid: number): Promise<MetagraphEntry[]> {
  const rows = await db
    .selectFrom("metagraph_nodes")
    .select(["node_id", "hotkey", "coldkey", "blacklist_reason"])
    .where("netuid", "=", netuid)
    .where("node_id", ">=", 0)
    .execute();
  return rows.map((row) => ({
    uid: row.node_id,
    hotkey: row.hotkey,
    coldkey: row.coldkey,
    blacklistReason: row.blacklist_reason,
  }));
}

async function instanceAudits(db: Db, { since, asOf }: Window) {
  const rows = await db
    .selectFrom("instance_audit")
    .select([
      "instance_id",
      "chute_id",
      "miner_hotkey",
      "created_at",
      "activated_at",
      "deleted_at",
      "deletion_reason",
      "valid_termination",
    ])
    .select(["billed_to", "stop_billing_at", "compute_multiplier", "bounty"])
    .where("created_at", "<=", asOf)
    .where((eb) => eb.or([eb("deleted_at", "is", null), eb("deleted_at", ">=", since)]))
    .execute();
  return rows.map((row) => ({
    instanceId: row.instance_id,
    chuteId: row.chute_id,
    hotkey: row.miner_hotkey,
    createdAt: row.created_at,
    activatedAt: row.activated_at,
    deletedAt: row.deleted_at,
    deletionReason: row.deletion_reason,
    validTermination: row.valid_termination,
    isBilled: row.billed_to !== null,
    stopBillingAt: row.stop_billing_at,
    computeMultiplier: row.compute_multiplier,
    bounty: row.bounty,
  }));
}

async function computeHistory(db: Db, { since, asOf }: Window) {
  const rows = await db
    .selectFrom("instance_compute_history")
    .selectAll()
    .where("started_at", "<=", asOf)
    .where((eb) => eb.or([eb("ended_at", "is", null), eb("ended_at", ">=", since)]))
    .orderBy("instance_id")
    .orderBy("started_at")
    .execute();
  return rows.map((row) => ({
    instanceId: row.instance_id,
    computeMultiplier: row.compute_multiplier,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }));
}

/** Latest GPU count of every chute that ever existed. @see protocol 03 §9.7 */
export async function gpuCountByChute(db: Db): Promise<Map<string, number>> {
  const { rows } = await sql<{ chute_id: string; gpu_count: number }>`
    select distinct on (chute_id) chute_id, (node_selector ->> 'gpu_count')::int as gpu_count
    from chute_history where jsonb_typeof(node_selector -> 'gpu_count') = 'number'
    order by chute_id, updated_at desc`.execute(db);
  return new Map(rows.map((row) => [row.chute_id, row.gpu_count]));
}

async function invocationSums(
  db: Db,
  question: ScoreQuestion,
  window: Window,
): Promise<ReadonlyMap<string, InvocationSums>> {
  const isOldProfile = question.profile === "invocations-2025-02";
  const medians = new ChuteMedians();
  // That profile cuts by medians over all rows ever, so its rows are read twice: once for the medians, once for the sums.
  if (isOldProfile) for await (const row of scoredRows(db, { ...window, since: new Date(0) })) medians.add(row);
  if (!medians.isComplete) throw tooManyRows(question.profile);
  const billable = isOldProfile ? medians.billableSeconds() : billableSeconds202510;
  const tally = new InvocationTally(question.profile, [question.asOf], billable);
  for await (const row of scoredRows(db, window)) tally.add(row);
  return tally.sumsAt(0);
}

function tooManyRows(profile: ProfileName): AppError {
  return new AppError("config", `${profile} takes medians over all rows ever, and there are too many of them`, {
    fix: "set SCORING_PROFILE to a newer rule",
  });
}

interface RawRow {
  readonly chute_id: string;
  readonly miner_uid: number;
  readonly miner_hotkey: string;
  readonly started_us: string;
  readonly completed_us: string | null;
  readonly error_message: string | null;
  readonly compute_multiplier: number;
  readonly bounty: number;
  readonly metrics: InvocationMetrics | null;
  readonly confirmed_us: string | null;
}

async function* scoredRows(db: Db, { since, asOf }: Window): AsyncGenerator<InvocationRow> {
  const query = sql<RawRow>`
    select i.chute_id, i.miner_uid, i.miner_hotkey, i.error_message, i.compute_multiplier, i.bounty, i.metrics,
      (extract(epoch from i.started_at) * 1000000)::text as started_us,
      (extract(epoch from i.completed_at) * 1000000)::text as completed_us,
      (extract(epoch from r.confirmed_at) * 1000000)::text as confirmed_us
    from invocations i left join reports r on r.invocation_id = i.parent_invocation_id
    where i.started_at > ${since} and i.started_at <= ${asOf}`.compile(db);
  for await (const result of db.getExecutor().stream<RawRow>(query, 2000)) {
    for (const row of result.rows) yield toScoringRow(row);
  }
}

function toScoringRow(row: RawRow): InvocationRow {
  const metrics = row.metrics ?? {};
  return {
    hotkey: row.miner_hotkey,
    chuteId: row.chute_id,
    minerUid: row.miner_uid,
    startedAtUs: Number(row.started_us),
    completedAtUs: row.completed_us === null ? Number.NaN : Number(row.completed_us),
    failed: row.error_message !== null,
    computeMultiplier: row.compute_multiplier,
    bounty: row.bounty,
    isPrivate: metrics.p === true,
    voidFromUs: row.confirmed_us === null ? Number.POSITIVE_INFINITY : Number(row.confirmed_us),
    it: metrics.it ?? Number.NaN,
    ot: metrics.ot ?? Number.NaN,
    tokens: metrics.tokens ?? Number.NaN,
    steps: metrics.steps ?? Number.NaN,
    masps: metrics.masps ?? Number.NaN,
    maspt: metrics.maspt ?? Number.NaN,
    nc: metrics.nc ?? Number.NaN,
  };
}
