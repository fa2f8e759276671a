// `npm run bench -- NAME`: runs one bench in a process of its own.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const name = process.argv[2] ?? "";
const file = join(import.meta.dirname, `${name}.ts`);
const known = readdirSync(import.meta.dirname).filter(
  (entry) => entry.endsWith(".bench.ts") || /^(crypto|gateway|export|verify|startup|reads|stats)\.ts$/.test(entry),
);
if (name === "" || !existsSync(file)) {
  console.error(
    `usage: npm run bench -- NAME, with NAME one of ${known.map((entry) => entry.replace(/\.ts$/, "")).join(", ")}`,
  );
  process.exit(2);
}
const tsx = join(import.meta.dirname, "../node_modules/tsx/dist/cli.mjs");
process.exit(spawnSync(process.execPath, [tsx, file, ...process.argv.slice(3)], { stdio: "inherit" }).status ?? 1);
