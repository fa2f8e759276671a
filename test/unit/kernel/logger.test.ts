import { expect, test } from "vitest";
import { createLogger } from "../../../src/kernel/logger.js";

function capture(secrets: readonly string[]) {
  const lines: string[] = [];
  return {
    lines,
    log: createLogger({ level: "info", secrets, stream: { write: (line: string) => lines.push(line) } }),
  };
}

test("secret fields are redacted at any of three depths", () => {
  const { lines, log } = capture([]);
  log.info({ seed: "s1", a: { token: "s2" }, b: { c: { password: "s3" } } }, "x");
  expect(lines.join("")).not.toMatch(/s1|s2|s3/);
});

test("a secret's value is masked even inside other text", () => {
  const { lines, log } = capture(["very-secret-value"]);
  log.warn({ err: new Error("connect to postgres://u:very-secret-value@h failed") }, "oops");
  expect(lines.join("")).toContain("[redacted]");
  expect(lines.join("")).not.toContain("very-secret-value");
});
