import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { expect } from "vitest";
import { migrate } from "../../../src/infra/postgres/migrate.js";
import { test } from "../../support/fixtures.js";

const root = join(import.meta.dirname, "../../..");

test("schema.ts is what the migrated database says", ({ databaseUrl }) => {
  const out = join(mkdtempSync(join(tmpdir(), "schema-")), "schema.ts");
  execFileSync(process.execPath, [join(root, "scripts/generate-schema.js"), out], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
  });
  expect(readFileSync(join(root, "src/infra/postgres/schema.ts"), "utf8")).toBe(readFileSync(out, "utf8"));
});

test("migrating twice applies nothing the second time", async ({ databaseUrl }) => {
  expect(await migrate(databaseUrl)).toEqual([]);
});

test("replicas that migrate one empty database together apply each file once", async ({ databaseUrl }) => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("drop schema public cascade");
  await client.query("create schema public");
  await client.end();
  const applied = await Promise.all([migrate(databaseUrl), migrate(databaseUrl), migrate(databaseUrl)]);
  const files = applied.flat();
  expect(files.length).toBeGreaterThan(0);
  expect(new Set(files).size).toBe(files.length);
});

test("a database written by a newer program is refused by name", async ({ db, databaseUrl }) => {
  await sql`insert into schema_migrations (name, checksum) values ('9999_future.sql', 'x')`.execute(db);
  await expect(migrate(databaseUrl)).rejects.toMatchObject({
    kind: "config",
    code: "DB001",
    message: expect.stringContaining("9999_future.sql"),
  });
});

test("04 §19.22: invocation partitions are named after their ISO week", async ({ db }) => {
  const names = async (day: string) => {
    await sql`select ensure_invocation_partitions(${day}::timestamptz, ${day}::timestamptz)`.execute(db);
    const { rows } = await sql<{ name: string }>`select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'partitioned_invocations'::regclass order by 1`.execute(db);
    return rows.map((row) => row.name);
  };
  expect(await names("2024-12-30T00:00:00Z")).toEqual(["partitioned_invocations_2025_01"]);
  expect(await names("2025-01-05T23:59:59Z")).toEqual(["partitioned_invocations_2025_01"]);
  expect(await names("2027-01-03T12:00:00Z")).toContain("partitioned_invocations_2026_53");
});
