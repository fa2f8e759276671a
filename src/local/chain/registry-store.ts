import { sql } from "kysely";
import type { CommitmentRead, LatestCommitment } from "../../infra/chain/client.js";
import type { Db } from "../../infra/postgres/client.js";

/** Uids of a subnet. */
export const MAX_NEURONS = 256;

/** A key to put on the subnet. Stakes are rao; what is left out is zero, absent or false. */
export interface NewNeuron {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly taoStakeRao?: bigint;
  readonly alphaStakeRao?: bigint;
  readonly validatorPermit?: boolean;
  /** u16. */
  readonly incentive?: number;
  /** u16. */
  readonly consensus?: number;
  /** Address form. */
  readonly ip?: string;
  readonly port?: number;
}

/** Gives new keys the next uids in the order given and brings the rest of known keys' rows up to date. Returns uid by hotkey. */
export async function saveNeurons(
  trx: Db,
  netuid: number,
  neurons: readonly NewNeuron[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ hotkey: string; uid: number }>`
    with given as (
      select * from rows from (jsonb_to_recordset(${JSON.stringify(neurons.map(toRow))}::jsonb) as (
        hotkey text, coldkey text, tao numeric, alpha numeric, permit boolean, incentive integer, consensus integer,
        ip text, ip_type integer, port integer)) with ordinality
    ), placed as (
      select given.*, coalesce(known.uid, (select coalesce(max(uid) + 1, 0) from local_chain.neurons where netuid = ${netuid})
          + count(*) filter (where known.uid is null) over (order by given.ordinality) - 1) as uid
      from given left join local_chain.neurons as known on known.netuid = ${netuid} and known.hotkey = given.hotkey
    )
    insert into local_chain.neurons (netuid, uid, hotkey, coldkey, tao_stake_rao, alpha_stake_rao, validator_permit, incentive,
      consensus, ip, ip_type, port)
    select ${netuid}, uid, hotkey, coldkey, tao, alpha, permit, incentive, consensus, ip, ip_type, port from placed
    on conflict (netuid, hotkey) do update set coldkey = excluded.coldkey, tao_stake_rao = excluded.tao_stake_rao,
      alpha_stake_rao = excluded.alpha_stake_rao, validator_permit = excluded.validator_permit,
      incentive = excluded.incentive, consensus = excluded.consensus, ip = excluded.ip, ip_type = excluded.ip_type,
      port = excluded.port
    returning hotkey, uid`.execute(trx);
  return new Map(rows.map((row) => [row.hotkey, row.uid]));
}

function toRow(neuron: NewNeuron) {
  return {
    hotkey: neuron.hotkey,
    coldkey: neuron.coldkey,
    tao: String(neuron.taoStakeRao ?? 0n),
    alpha: String(neuron.alphaStakeRao ?? 0n),
    permit: neuron.validatorPermit ?? false,
    incentive: neuron.incentive ?? 0,
    consensus: neuron.consensus ?? 0,
    ip: neuron.ip ?? "0.0.0.0",
    ip_type: neuron.ip?.includes(":") === true ? 6 : 4,
    port: neuron.port ?? 0,
  };
}

/** How many of `hotkeys` have a uid already, and how many uids there are. */
export async function countNeurons(
  trx: Db,
  netuid: number,
  hotkeys: readonly string[],
): Promise<{ total: number; known: number }> {
  const { rows } = await sql<{ total: number; known: number }>`select count(*)::integer as total,
      count(*) filter (where hotkey = any (${hotkeys}::text[]))::integer as known
    from local_chain.neurons where netuid = ${netuid}`.execute(trx);
  return rows[0] ?? { total: 0, known: 0 };
}

/** Commitments a hotkey made from `fromBlock` on. */
export async function countCommitments(
  trx: Db,
  at: { netuid: number; hotkey: string; fromBlock: number },
): Promise<number> {
  const { rows } = await sql<{
    calls: number;
  }>`select coalesce(sum(calls), 0)::integer as calls from local_chain.commitments
    where netuid = ${at.netuid} and hotkey = ${at.hotkey} and block >= ${at.fromBlock}`.execute(trx);
  return rows[0]?.calls ?? 0;
}

/** Keeps a commitment; a later one in the same block takes the earlier one's place. */
export async function saveCommitment(
  trx: Db,
  at: { netuid: number; hotkey: string; block: number },
  sha256: string,
): Promise<void> {
  await sql`insert into local_chain.commitments values (${at.netuid}, ${at.hotkey}, ${at.block}, ${sha256})
    on conflict (netuid, hotkey, block) do update set sha256 = excluded.sha256,
      calls = local_chain.commitments.calls + 1`.execute(trx);
}

export async function readCommitment(
  db: Db,
  at: { netuid: number; hotkey: string; block: number },
): Promise<CommitmentRead> {
  const { rows } = await sql<{ sha256: string }>`select sha256 from local_chain.commitments
    where netuid = ${at.netuid} and hotkey = ${at.hotkey} and block = ${at.block}::bigint`.execute(db);
  return rows[0] === undefined ? { kind: "absent" } : { kind: "sha256", hex: rows[0].sha256 };
}

export async function readLatestCommitment(
  db: Db,
  netuid: number,
  hotkey: string,
): Promise<LatestCommitment | undefined> {
  const { rows } = await sql<LatestCommitment>`select sha256 as "sha256Hex", block from local_chain.commitments
    where netuid = ${netuid} and hotkey = ${hotkey} order by block desc limit 1`.execute(db);
  return rows[0];
}
