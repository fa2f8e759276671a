import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** What a transfer costs its sender, in rao. */
const TRANSFER_FEE_RAO = 50_000n;

/** Rao; 0 for an address that the chain does not know. */
export async function readBalance(db: Db, address: string): Promise<bigint> {
  const { rows } = await sql<{ free: string }>`select free_rao as free from local_chain.balances
    where address = ${address}`.execute(db);
  return BigInt(rows[0]?.free ?? 0);
}

export async function addBalance(db: Db, address: string, amountRao: bigint): Promise<void> {
  await sql`insert into local_chain.balances values (${address}, ${amountRao})
    on conflict (address) do update set free_rao = local_chain.balances.free_rao + excluded.free_rao`.execute(db);
}

/** Moves everything but the fee. Returns the chain's name for a refusal; then nothing was changed. */
export async function moveAll(trx: Db, { from, to }: { from: string; to: string }): Promise<string | undefined> {
  const free = await readBalance(trx, from);
  if (free <= TRANSFER_FEE_RAO) return "InsufficientBalance";
  await sql`delete from local_chain.balances where address = ${from}`.execute(trx);
  await addBalance(trx, to, free - TRANSFER_FEE_RAO);
  return undefined;
}
