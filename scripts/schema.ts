// Migrates a throwaway database and writes its types to src/infra/postgres/schema.ts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "../src/infra/postgres/migrate.js";
import { createLogger } from "../src/kernel/logger.js";
import { startEmbeddedPostgres } from "../src/local/embedded-postgres.js";

const dir = mkdtempSync(join(tmpdir(), "chutes-schema-"));
const log = createLogger({ level: "error", secrets: [] });
const server = await startEmbeddedPostgres({ dir, log, signal: new AbortController().signal, settings: ["fsync=off"] });
try {
  const url = server.url("postgres");
  await migrate(url);
  execFileSync(process.execPath, [join(import.meta.dirname, "generate-schema.js")], {
    stdio: "inherit",
    env: { ...process.env, DATABASE_URL: url },
  });
} finally {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
}
