import { randomBytes } from "node:crypto";
import pg from "pg";
import { test as base, inject } from "vitest";
import { type Db, openPostgres } from "../../src/infra/postgres/client.js";
import { createLogger, type Logger } from "../../src/kernel/logger.js";
import { TEMPLATE } from "./global-setup.js";

interface Fixtures {
  /** URL of this test's own database, already migrated. */
  databaseUrl: string;
  /** Open handle on that database. */
  db: Db;
  log: Logger;
}

/** `test` with a fresh, migrated database per test; fixtures are made only when a test asks for them. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  databaseUrl: async ({}, use) => {
    const admin = inject("postgresUrl");
    const name = `t_${randomBytes(8).toString("hex")}`;
    await maintain(admin, `create database ${name} template ${TEMPLATE}`);
    const url = new URL(admin);
    url.pathname = `/${name}`;
    await use(url.href);
    await maintain(admin, `drop database if exists ${name} with (force)`);
  },
  db: async ({ databaseUrl }, use) => {
    const db = openPostgres({ url: databaseUrl, poolSize: 10, statementTimeoutMs: 20_000 });
    await use(db);
    await db.destroy();
  },
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  log: async ({}, use) => {
    await use(createLogger({ level: "fatal", secrets: [] }));
  },
});

/** Cloning fails while another clone of the template is being made; waiting is the remedy. */
async function maintain(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (let tries = 0; ; tries += 1) {
      try {
        await client.query(statement);
        return;
      } catch (error) {
        if (tries > 50 || !(error instanceof pg.DatabaseError) || error.code !== "55006") throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    await client.end();
  }
}
