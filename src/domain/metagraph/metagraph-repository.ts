import { type SelectQueryBuilder, sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { DB } from "../../infra/postgres/schema.js";
import { AppError } from "../../kernel/errors.js";
import { enqueue, invalidate } from "../outbox/outbox-repository.js";
import { type MetagraphNode, metagraphChecksum, metagraphNodeOf, type SubnetNeuron } from "./metagraph-node.js";
import type { RegisteredMiner } from "./miner.js";

/** The miner behind a hotkey, or undefined when the stored metagraph of that subnet does not hold it. @see protocol 01 §2.8 */
export async function minerByHotkey(db: Db, netuid: number, hotkey: string): Promise<RegisteredMiner | undefined> {
  const row = await db
    .selectFrom("metagraph_nodes")
    .select(["hotkey", "coldkey", "node_id as uid", "blacklist_reason as blacklistReason"])
    .where("netuid", "=", netuid)
    .where("hotkey", "=", hotkey)
    .executeTakeFirst();
  return row;
}

/** A changed key with the checksum it is now stored under. */
export interface ChangedNode extends MetagraphNode {
  readonly checksum: string;
}

export interface MetagraphSync {
  readonly netuid: number;
  readonly neurons: readonly SubnetNeuron[];
  readonly now: Date;
  /** A second reading agreed that the subnet really shrank by more than half. */
  readonly confirmedShrink?: boolean;
}

/**
 * Makes the stored keys of a subnet those of the chain, in one transaction, and announces each changed row. Operator-made rows
 * (negative node id) and blacklist reasons are left alone.
 * @throws AppError `unavailable` when the list is empty, or less than half of what is stored and not confirmed
 * @see protocol 07 §2.3
 */
export async function syncMetagraph(
  db: Db,
  sync: MetagraphSync,
): Promise<{ changed: readonly ChangedNode[]; removed: readonly string[] }> {
  const { netuid, neurons, now } = sync;
  if (neurons.length === 0) throw new AppError("unavailable", "the chain returned no neurons; nothing was changed");
  const nodes = neurons.map((neuron) => withChecksum(metagraphNodeOf(netuid, neuron), neuron));
  return db.transaction().execute(async (tx) => {
    const stored = await countOfChain(tx, netuid);
    if (neurons.length * 2 < stored && sync.confirmedShrink !== true) {
      throw new AppError(
        "unavailable",
        `the chain returned ${neurons.length} neurons where ${stored} are stored; refused`,
      );
    }
    const removed = await removeMissing(tx, netuid, nodes);
    const written = new Set(await upsertChanged(tx, nodes, now));
    const changed = nodes.filter(({ hotkey }) => written.has(hotkey)).map(({ last_updated: _, ...node }) => node);
    const messages = changed.map((node) => ({ channel: `metagraph_change:${netuid}`, payload: { ...node } }));
    await enqueue(tx, messages, now);
    await invalidate(
      tx,
      [...removed, ...written].map((id) => ({ kind: "metagraph", id })),
      now,
    );
    return { changed, removed };
  });
}

/** Every key of the chain's own list with all its columns, by node id; the public form. @see protocol 05 §4.4 */
export function listMetagraph(db: Db, netuid: number) {
  return ofChain(db.selectFrom("metagraph_nodes").selectAll(), netuid).orderBy("node_id").limit(MAX_NEURONS).execute();
}

/** A subnet has at most this many keys on chain; the protocol's uid is 16 bits wide. */
const MAX_NEURONS = 65_536;

interface StoredNode extends ChangedNode {
  readonly last_updated: number;
}

function withChecksum(node: MetagraphNode, neuron: SubnetNeuron): StoredNode {
  return { ...node, checksum: metagraphChecksum(node), last_updated: neuron.lastUpdateBlock };
}

function ofChain<Row>(query: SelectQueryBuilder<DB, "metagraph_nodes", Row>, netuid: number) {
  return query.where("netuid", "=", netuid).where("node_id", ">=", 0);
}

async function countOfChain(tx: Db, netuid: number): Promise<number> {
  const { stored } = await ofChain(
    tx.selectFrom("metagraph_nodes").select(({ fn }) => fn.countAll<bigint>().as("stored")),
    netuid,
  ).executeTakeFirstOrThrow();
  return Number(stored);
}

async function removeMissing(tx: Db, netuid: number, nodes: readonly StoredNode[]): Promise<string[]> {
  const rows = await tx
    .deleteFrom("metagraph_nodes")
    .where("netuid", "=", netuid)
    .where("node_id", ">=", 0)
    .where(sql<boolean>`hotkey <> all(${nodes.map(({ hotkey }) => hotkey)})`)
    .returning("hotkey")
    .execute();
  return rows.map(({ hotkey }) => hotkey);
}

const COLUMNS = [
  ["hotkey", "text"],
  ["coldkey", "text"],
  ["node_id", "integer"],
  ["incentive", "double precision"],
  ["stake", "double precision"],
  ["tao_stake", "double precision"],
  ["alpha_stake", "double precision"],
  ["trust", "double precision"],
  ["vtrust", "double precision"],
  ["last_updated", "integer"],
  ["ip", "text"],
  ["ip_type", "integer"],
  ["port", "integer"],
  ["protocol", "integer"],
  ["checksum", "text"],
] as const satisfies readonly (readonly [keyof StoredNode, string])[];

/** Writes the rows whose checksum differs. @returns their hotkeys */
async function upsertChanged(tx: Db, nodes: readonly StoredNode[], now: Date): Promise<string[]> {
  const names = sql.join(COLUMNS.map(([name]) => sql.ref(name)));
  const arrays = sql.join(
    COLUMNS.map(([name, type]) => sql`${nodes.map((node) => node[name])}::${sql.raw(`${type}[]`)}`),
  );
  const updates = sql.join(
    COLUMNS.filter(([name]) => name !== "hotkey").map(([name]) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`),
  );
  const { rows } = await sql<{ hotkey: string }>`
    insert into metagraph_nodes (netuid, synced_at, ${names})
    select ${nodes[0]?.netuid}::integer, ${now}::timestamptz, ${names} from unnest(${arrays}) as incoming (${names})
    on conflict (netuid, hotkey) do update set ${updates}
    where metagraph_nodes.node_id >= 0 and metagraph_nodes.checksum <> excluded.checksum
    returning hotkey`.execute(tx);
  return rows.map(({ hotkey }) => hotkey);
}
