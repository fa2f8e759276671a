import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { migrate } from "../../src/infra/postgres/migrate.js";
import { createLogger } from "../../src/kernel/logger.js";
import { startEmbeddedPostgres } from "../../src/local/embedded-postgres.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection URL of the server's maintenance database. */
    postgresUrl: string;
  }
}

/** The migrated database that each test's own database is cloned from. */
export const TEMPLATE = "chutes_test_template";

/** One throwaway Postgres for the whole run (or TEST_POSTGRES_URL), with a migrated template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env["TEST_POSTGRES_URL"];
  const dir = mkdtempSync(join(tmpdir(), "chutes-test-"));
  const log = createLogger({ level: "error", secrets: [] });
  const settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"];
  const server =
    given === undefined
      ? await startEmbeddedPostgres({ dir, log, signal: new AbortController().signal, settings })
      : undefined;
  const url = given ?? server?.url("postgres") ?? "";
  await prepareTemplate(url);
  project.provide("postgresUrl", url);
  return async () => {
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
  };
}

async function prepareTemplate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`drop database if exists ${TEMPLATE} with (force)`);
  await client.query(`create database ${TEMPLATE}`);
  await client.end();
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  await migrate(template.href);
}
