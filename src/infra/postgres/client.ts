import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import Cursor from "pg-cursor";
import type { DB } from "./schema.js";

/** Handle on the platform's database; also the type of an open transaction. */
export type Db = Kysely<DB>;

export interface PostgresOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly statementTimeoutMs: number;
}

const INT8 = 20;
const JSONB = 3802;

/** Integers keep their width: int8 arrives as bigint; numeric stays text. */
const types = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === INT8) return BigInt;
    if (oid === JSONB) return JSON.parse;
    return pg.types.getTypeParser(oid, format);
  },
} as pg.CustomTypesConfig;

/** Opens a pool. Connections are made on first use; `destroy()` closes them. */
export function openPostgres(options: PostgresOptions): Db {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    statement_timeout: options.statementTimeoutMs,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types,
  });
  // A dropped idle connection is replaced by the pool; without a listener Node would end the process.
  pool.on("error", () => undefined);
  // The same for one that breaks between two statements of a transaction: its next statement fails.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
}

/** A single connection that listens for notifications; the caller reconnects when `onEnd` fires. */
export async function listen(
  url: string,
  channel: string,
  on: { notify: () => void; end: () => void },
): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, keepAlive: true });
  client.on("notification", on.notify);
  client.on("error", () => undefined);
  client.on("end", on.end);
  await client.connect();
  await client.query(`listen ${pg.escapeIdentifier(channel)}`);
  return async () => {
    client.removeListener("end", on.end);
    await client.end();
  };
}

/** Rejects when the database does not answer. */
export async function pingPostgres(db: Db): Promise<void> {
  await sql`select 1`.execute(db);
}
