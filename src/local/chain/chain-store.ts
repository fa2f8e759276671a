import { sql } from "kysely";
import type { Metagraph, WeightEntry } from "../../infra/chain/client.js";
import type { Db } from "../../infra/postgres/client.js";
import type { BlockClock } from "./block-clock.js";
import { CHAIN_SCHEMA } from "./chain-schema.js";
import type { SubnetRules, WeightsState } from "./weight-checks.js";

/** Any number; processes that open one chain at the same time take this lock to make its tables. */
const SCHEMA_LOCK = 640_065;

/** Makes the tables and the chain's one row where they are missing. What an earlier run made stays as it is. */
export function openStore(db: Db, fresh: BlockClock): Promise<BlockClock> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${SCHEMA_LOCK})`.execute(trx);
    for (const statement of CHAIN_SCHEMA) await sql.raw(statement).execute(trx);
    await sql`insert into local_chain.chain (genesis_hash, genesis_at, block_time_ms)
      values (${fresh.genesisHash}, ${fresh.genesisAt}, ${fresh.blockTimeMs}) on conflict do nothing`.execute(trx);
    const { rows } = await sql<BlockClock>`select genesis_hash as "genesisHash", genesis_at as "genesisAt",
      block_time_ms as "blockTimeMs" from local_chain.chain`.execute(trx);
    return rows[0] ?? fresh;
  });
}

/** Best block so far. Never falls, even when the machine's clock is set back. */
export async function readHeight(db: Db, block: number): Promise<number> {
  const { rows } = await sql<{ height: number }>`select greatest(height, ${block}::integer) as height
    from local_chain.chain`.execute(db);
  return rows[0]?.height ?? block;
}

/**
 * Opens the block that a state change goes into. The row stays locked until the transaction ends: like a block's author, it puts all
 * changes into one order, so that what a change reads stays true until it writes.
 */
export async function openBlock(trx: Db, block: number): Promise<number> {
  const { rows } = await sql<{
    height: number;
  }>`update local_chain.chain set height = greatest(height, ${block}::integer)
    returning height`.execute(trx);
  return rows[0]?.height ?? block;
}

/** Makes the subnet or changes its rules. */
export async function saveRules(db: Db, netuid: number, rules: SubnetRules): Promise<void> {
  await sql`insert into local_chain.subnets values (${netuid}, ${rules.commitReveal}, ${rules.rateLimitBlocks},
      ${rules.versionKey}, ${rules.minAllowed}, ${rules.maxLimit}, ${rules.stakeThresholdRao})
    on conflict (netuid) do update set commit_reveal = excluded.commit_reveal, rate_limit_blocks = excluded.rate_limit_blocks,
      version_key = excluded.version_key, min_allowed = excluded.min_allowed, max_limit = excluded.max_limit,
      stake_threshold_rao = excluded.stake_threshold_rao`.execute(db);
}

/** Rules of a subnet; undefined when it does not exist. */
export async function readRules(db: Db, netuid: number): Promise<SubnetRules | undefined> {
  type Row = Omit<SubnetRules, "versionKey" | "stakeThresholdRao"> & { versionKey: string; stakeThresholdRao: string };
  const { rows } = await sql<Row>`select commit_reveal as "commitReveal", rate_limit_blocks as "rateLimitBlocks",
      version_key as "versionKey", min_allowed as "minAllowed", max_limit as "maxLimit",
      stake_threshold_rao as "stakeThresholdRao"
    from local_chain.subnets where netuid = ${netuid}`.execute(db);
  const row = rows[0];
  return row && { ...row, versionKey: BigInt(row.versionKey), stakeThresholdRao: BigInt(row.stakeThresholdRao) };
}

/** Spends a nonce; false when it, or a later one, was spent before. */
export async function spendNonce(trx: Db, hotkey: string, nonce: bigint): Promise<boolean> {
  const { rows } = await sql`insert into local_chain.nonces values (${hotkey}, ${nonce})
    on conflict (hotkey) do update set nonce = excluded.nonce where local_chain.nonces.nonce < excluded.nonce
    returning nonce`.execute(trx);
  return rows.length === 1;
}

export async function readNextNonce(db: Db, hotkey: string): Promise<bigint> {
  const { rows } = await sql<{ nonce: string }>`select nonce + 1 as nonce from local_chain.nonces
    where hotkey = ${hotkey}`.execute(db);
  return BigInt(rows[0]?.nonce ?? 1);
}

/** Everything the checks of a weights call look at. */
export async function readWeightsState(
  trx: Db,
  at: { netuid: number; hotkey: string; block: number },
): Promise<WeightsState> {
  type Row = { uid: number; stakeRao: string; validatorPermit: boolean; lastUpdateBlock: number };
  const rules = await readRules(trx, at.netuid);
  const { rows } = await sql<Row>`select uid, tao_stake_rao + alpha_stake_rao as "stakeRao",
      validator_permit as "validatorPermit", last_update_block as "lastUpdateBlock"
    from local_chain.neurons where netuid = ${at.netuid} and hotkey = ${at.hotkey}`.execute(trx);
  const count = await sql<{ count: number }>`select count(*)::integer as count from local_chain.neurons
    where netuid = ${at.netuid}`.execute(trx);
  const own = rows[0] && { ...rows[0], stakeRao: BigInt(rows[0].stakeRao) };
  return { rules, block: at.block, neuronCount: count.rows[0]?.count ?? 0, own };
}

/** Replaces a validator's row and notes the block. */
export async function saveWeights(
  trx: Db,
  at: { netuid: number; uid: number; block: number },
  row: { dests: readonly number[]; values: readonly number[] },
): Promise<void> {
  await sql`insert into local_chain.weights values (${at.netuid}, ${at.uid}, ${row.dests}::integer[], ${row.values}::integer[])
    on conflict (netuid, uid) do update set dests = excluded.dests, weights = excluded.weights`.execute(trx);
  await sql`update local_chain.neurons set last_update_block = ${at.block}
    where netuid = ${at.netuid} and uid = ${at.uid}`.execute(trx);
}

export async function readWeights(db: Db, netuid: number, uid: number): Promise<WeightEntry[]> {
  const { rows } = await sql<WeightEntry>`select entry.uid, entry.value from local_chain.weights as w,
      unnest(w.dests, w.weights) as entry (uid, value)
    where w.netuid = ${netuid} and w.uid = ${uid} order by entry.uid`.execute(db);
  return rows;
}

export async function readMetagraph(db: Db, netuid: number, block: number): Promise<Metagraph> {
  type Row = Omit<Metagraph["neurons"][number], "taoStakeRao" | "alphaStakeRao"> &
    Record<"taoStakeRao" | "alphaStakeRao", string>;
  const { rows } = await sql<Row>`select uid, hotkey, coldkey, incentive, consensus, tao_stake_rao as "taoStakeRao",
      alpha_stake_rao as "alphaStakeRao", validator_permit as "validatorPermit", last_update_block as "lastUpdateBlock",
      ip, ip_type as "ipType", port, protocol
    from local_chain.neurons where netuid = ${netuid} order by uid`.execute(db);
  const neurons = rows.map((row) => {
    const taoStakeRao = BigInt(row.taoStakeRao);
    const alphaStakeRao = BigInt(row.alphaStakeRao);
    return { ...row, taoStakeRao, alphaStakeRao, totalStakeRao: taoStakeRao + alphaStakeRao };
  });
  return { netuid, block, neurons };
}
