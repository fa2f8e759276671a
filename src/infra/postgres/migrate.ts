import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { AppError, messageOf } from "../../kernel/errors.js";

/** Any number; all replicas that migrate one database take this lock. */
const MIGRATION_LOCK = 640_064;

/**
 * Brings the database to this program's schema. Replicas that start together queue on an advisory lock; each file runs in its own
 * transaction together with its journal row, so a crash leaves whole migrations only.
 * @returns names of the files applied by this call
 * @throws AppError `config` DB001 when the database was migrated by a newer program, `unavailable` DB002 when it cannot be reached
 */
export async function migrate(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    throw new AppError("unavailable", `cannot reach the database: ${messageOf(cause)}`, {
      code: "DB002",
      fix: "check POSTGRES_URL and that the server runs",
      cause,
    });
  }
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    return await applyMissing(client);
  } finally {
    await client.end();
  }
}

async function applyMissing(client: pg.Client): Promise<string[]> {
  await client.query(
    "create table if not exists schema_migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())",
  );
  const { rows } = await client.query<{ name: string; checksum: string }>(
    "select name, checksum from schema_migrations",
  );
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  const files = await migrationFiles();
  refuseNewerSchema(applied, files);
  const missing = files.filter((file) => !applied.has(file.name));
  for (const file of missing) await applyOne(client, file);
  return missing.map((file) => file.name);
}

interface MigrationFile {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

async function migrationFiles(): Promise<MigrationFile[]> {
  const folder = migrationsFolder();
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), "utf8");
      return { name, text, checksum: createHash("sha256").update(text).digest("hex") };
    }),
  );
}

/** The SQL files ship as source; compiled code in dist/ finds them beside it in src/. */
function migrationsFolder(): string {
  const beside = join(import.meta.dirname, "migrations");
  return existsSync(beside) ? beside : join(import.meta.dirname, "../../../src/infra/postgres/migrations");
}

function refuseNewerSchema(applied: ReadonlyMap<string, string>, files: readonly MigrationFile[]): void {
  const known = new Map(files.map((file) => [file.name, file.checksum]));
  for (const [name, checksum] of applied) {
    if (known.get(name) === checksum) continue;
    throw new AppError("config", `the database has migration ${name}, which this program does not know in that form`, {
      code: "DB001",
      fix: "run the version that wrote this database, or a newer one",
    });
  }
}

async function applyOne(client: pg.Client, file: MigrationFile): Promise<void> {
  await client.query("begin");
  try {
    await client.query(file.text);
    await client.query("insert into schema_migrations (name, checksum) values ($1, $2)", [file.name, file.checksum]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
