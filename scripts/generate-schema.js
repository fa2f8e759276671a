// Writes the types of a migrated database (DATABASE_URL) to src/infra/postgres/schema.ts, or to the file given as argument.
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const out = process.argv[2] ?? join(root, "src/infra/postgres/schema.ts");
execFileSync(
  process.execPath,
  [
    join(root, "node_modules/kysely-codegen/dist/cli/bin.js"),
    "--dialect=postgres",
    `--url=${process.env.DATABASE_URL}`,
    '--type-mapping={"int8":"bigint","timestamptz":"Date","numeric":"string"}',
    "--exclude-pattern=partitioned_invocations_*",
    `--out-file=${out}`,
  ],
  { stdio: ["ignore", "ignore", "inherit"] },
);
