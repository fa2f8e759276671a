import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const { forbidden } = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs")) as {
  forbidden: { name: string }[];
};

/** One planted violation per rule: file → what it imports. */
const PLANTED: Record<string, Record<string, string>> = {
  "layer-commands": { "src/commands/a.ts": "../wire/z.js" },
  "layer-cli": { "src/cli/a.ts": "../domain/z/z.js" },
  "layer-operator": { "src/operator/a.ts": "../services/z/z.js" },
  "layer-jobs": { "src/jobs/a.ts": "../services/z/z.js" },
  "layer-services": { "src/services/y/a.ts": "../../operator/z.js" },
  "layer-local": { "src/local/a.ts": "../commands/z.js" },
  "layer-miner": { "src/miner/a.ts": "../domain/z/z.js" },
  "layer-domain": { "src/domain/y/a.ts": "../../services/z/z.js" },
  "layer-infra": { "src/infra/y/a.ts": "../../domain/z/z.js" },
  "layer-wire": { "src/wire/a.ts": "../infra/z/z.js" },
  "layer-kernel": { "src/kernel/a.ts": "../wire/z.js" },
  "services-are-separate": { "src/services/y/b.ts": "../z/z.js" },
  "pure-domain": { "src/domain/y/b.ts": "../../infra/z/z.js" },
  "repositories-know-postgres": { "src/domain/y/b-repository.ts": "../../infra/redis/z.js" },
  "stores-know-redis": { "src/domain/y/b-store.ts": "../../infra/postgres/z.js" },
  "web-stands-alone": { "web/a.ts": "../src/wire/z.js" },
  "web-api-is-the-bottom": { "web/api/a.ts": "../z.js" },
  "src-without-web": { "src/wire/e.ts": "../../web/z.js" },
  "no-cycles": { "src/wire/c1.ts": "./c2.js", "src/wire/c2.ts": "./c1.js" },
  "no-folder-cycles": {
    "src/domain/f1/a.ts": "../f2/a.js",
    "src/domain/f2/b.ts": "../f1/b.js",
    "src/domain/f1/b.ts": "",
    "src/domain/f2/a.ts": "",
  },
  "only-polkadot-api": { "src/wire/d1.ts": "@polkadot/api" },
  "only-execa": { "src/wire/d3.ts": "execa" },
  "only-pg": { "src/wire/d4.ts": "pg" },
  "only-ioredis": { "src/wire/d5.ts": "ioredis" },
  "only-oclif": { "src/wire/d6.ts": "@oclif/core" },
  "only-terminal": { "src/wire/d7.ts": "listr2" },
  "only-s3": { "src/wire/d8.ts": "@aws-sdk/client-s3" },
  "only-sharp": { "src/wire/d10.ts": "sharp" },
  "only-argon2": { "src/wire/d11.ts": "@node-rs/argon2" },
  "only-socket-io": { "src/wire/d9.ts": "socket.io" },
};

/** Rules about packages that are not installed yet cannot be planted. */
const NOT_INSTALLED = ["only-kubernetes"];

let dir = "";
const reported = new Set<string>();

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "layers-"));
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  for (const file of [".dependency-cruiser.cjs", "tsconfig.json", "package.json"])
    cpSync(join(root, file), join(dir, file));
  for (const room of ["commands", "operator", "wire"]) write(`src/${room}/z.ts`, "");
  for (const room of ["services", "domain", "infra"]) write(`src/${room}/z/z.ts`, "");
  write("web/z.ts", "");
  write("src/infra/redis/z.ts", "");
  write("src/infra/postgres/z.ts", "");
  for (const [path, target] of Object.values(PLANTED).flatMap((files) => Object.entries(files))) write(path, target);
  const text = run();
  const { summary } = JSON.parse(text) as { summary: { violations: { rule: { name: string } }[] } };
  for (const { rule } of summary.violations) reported.add(rule.name);
}, 60_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each(Object.keys(PLANTED))("a planted violation of %s is reported", (rule) => {
  expect([...reported]).toContain(rule);
});

test("every rule of the configuration has a planted violation", () => {
  expect([...Object.keys(PLANTED), ...NOT_INSTALLED].sort()).toEqual(forbidden.map(({ name }) => name).sort());
});

function write(path: string, target: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(
    join(dir, path),
    target === "" ? "export const value = 1;\n" : `import * as other from "${target}";\nexport const use = other;\n`,
  );
}

function run(): string {
  try {
    return execFileSync(
      process.execPath,
      [join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"), "src", "web", "--output-type", "json"],
      {
        cwd: dir,
        encoding: "utf8",
        maxBuffer: 64 << 20,
      },
    );
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
