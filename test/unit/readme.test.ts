import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERROR_CODES } from "../../src/kernel/error-codes.js";
import { EXIT_CODE, HTTP_STATUS } from "../../src/kernel/errors.js";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("README's table of error codes is the table of the code", () => {
  const rows = [...readme.matchAll(/^\| <a id="(\w+)"><\/a>(\w+) \| (.*) \|$/gm)].map(([, anchor, code, text]) => [
    anchor,
    code,
    text,
  ]);
  expect(rows).toEqual(Object.entries(ERROR_CODES).map(([code, text]) => [code.toLowerCase(), code, text]));
});

test("the two lines on top are the commands that exist", () => {
  const scripts = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> })
    .scripts;
  expect(readme).toContain("npm ci && npm start");
  expect(scripts["start"]).toContain("dev");
  expect(readFileSync(join(root, ".ci/run"), "utf8")).toContain("./scripts/test");
});

test("every kind of error has a status and an exit code", () => {
  expect(Object.keys(EXIT_CODE).sort()).toEqual(Object.keys(HTTP_STATUS).sort());
  for (const status of Object.values(HTTP_STATUS)) expect(status).toBeGreaterThanOrEqual(400);
});
