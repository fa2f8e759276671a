import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** A place where encrypted text is kept. */
export const SEALED_COLUMNS = ["payment wallet", "deposit wallet", "secret"] as const;
export type SealedColumn = (typeof SEALED_COLUMNS)[number];

/** One encrypted value. */
export interface SealedRow {
  /** User id, or id of the secret. */
  readonly id: string;
  /** Lower-case hex. */
  readonly stored: string;
  /** What the mnemonic must derive; null for secrets. */
  readonly address: string | null;
}

interface Place {
  readonly table: string;
  readonly key: string;
  readonly value: string;
  readonly address: string | null;
}

const PLACES: Readonly<Record<SealedColumn, Place>> = {
  "payment wallet": { table: "users", key: "user_id", value: "wallet_secret", address: "payment_address" },
  "deposit wallet": {
    table: "users",
    key: "user_id",
    value: "developer_wallet_secret",
    address: "developer_payment_address",
  },
  secret: { table: "secrets", key: "secret_id", value: "value", address: null },
};

/** The next rows of a column, by id. */
export async function sealedRows(
  db: Db,
  column: SealedColumn,
  page: { readonly after: string; readonly limit: number },
): Promise<SealedRow[]> {
  const { table, key, value, address } = PLACES[column];
  const { rows } = await sql<SealedRow>`
    select ${sql.ref(key)} as id, ${sql.ref(value)} as stored,
      ${address === null ? sql`null` : sql.ref(address)} as address
    from ${sql.table(table)} where ${sql.ref(key)} > ${page.after} and ${sql.ref(value)} is not null
    order by 1 limit ${page.limit}`.execute(db);
  return rows;
}

/** Puts a new value in place of the one that was read. @returns what is stored now; undefined when the row changed meanwhile */
export async function replaceSealed(
  db: Db,
  column: SealedColumn,
  change: { readonly id: string; readonly from: string; readonly to: string },
): Promise<string | undefined> {
  const { table, key, value } = PLACES[column];
  const { rows } = await sql<{ stored: string }>`
    update ${sql.table(table)} set ${sql.ref(value)} = ${change.to}
    where ${sql.ref(key)} = ${change.id} and ${sql.ref(value)} = ${change.from}
    returning ${sql.ref(value)} as stored`.execute(db);
  return rows[0]?.stored;
}
