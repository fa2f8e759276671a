import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig, secretValues } from "../../../src/kernel/config/load.js";
import { requireSettings } from "../../../src/kernel/config/require.js";
import { AppError } from "../../../src/kernel/errors.js";

function fileWith(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "config-")), "c.yaml");
  writeFileSync(path, text);
  return path;
}

function problemOf(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("environment beats file beats default", () => {
  const file = fileWith("netuid: 7\npostgres:\n  poolSize: 3\n");
  const config = loadConfig({ env: { NETUID: "9" }, file });
  expect([config.netuid, config.postgres.poolSize, config.redis.url]).toEqual([9, 3, ""]);
});

test("overrides beat everything", () => {
  expect(loadConfig({ env: { NETUID: "9" }, overrides: { netuid: 11 } }).netuid).toBe(11);
});

test("an empty environment variable is not a value", () => {
  expect(loadConfig({ env: { NETUID: "" } }).netuid).toBe(64);
});

test("all problems are reported at once, each with its key and env name", () => {
  const file = fileWith("netuid: many\nlog:\n  level: loud\nnonsense: 1\n");
  const error = problemOf(() => loadConfig({ env: { POSTGRES_POOL_SIZE: "x" }, file }));
  expect(error.code).toBe("CFG001");
  for (const part of ["netuid", "env NETUID", "log.level", "debug", "nonsense: unknown key", "POSTGRES_POOL_SIZE"])
    expect(error.message).toContain(part);
});

test("an unknown key that sits in the wrong place is answered with the right one", () => {
  expect(problemOf(() => loadConfig({ env: {}, file: fileWith("poolSize: 3\n") })).message).toContain(
    "did you mean postgres.poolSize?",
  );
});

test("a bad secret is named but never repeated", () => {
  const error = problemOf(() => loadConfig({ env: {}, file: fileWith("validator:\n  seed: [hunter2hunter2]\n") }));
  expect(error.message).toContain("validator.seed");
  expect(error.message).not.toContain("hunter2");
});

test("a file that is not YAML or not there is named", () => {
  expect(problemOf(() => loadConfig({ env: {}, file: "/nonexistent/c.yaml" }))).toMatchObject({
    code: "CFG002",
    message: expect.stringContaining("/nonexistent/c.yaml"),
  });
  expect(problemOf(() => loadConfig({ env: {}, file: fileWith("a: [") })).code).toBe("CFG002");
});

test("booleans accept the usual words and nothing else", () => {
  for (const [word, value] of [
    ["yes", true],
    ["0", false],
    ["TRUE", true],
    ["off", false],
  ] as const) {
    expect(loadConfig({ env: { ALL_ACCOUNTS_FREE: word } }).accounts.allAccountsFree).toBe(value);
  }
  expect(problemOf(() => loadConfig({ env: { ALL_ACCOUNTS_FREE: "maybe" } })).message).toContain("ALL_ACCOUNTS_FREE");
});

test("the result cannot be changed", () => {
  const config = loadConfig({ env: {} });
  expect(() => Object.assign(config.log, { level: "trace" })).toThrow(TypeError);
});

test("secretValues lists what is set and secret, nothing else", () => {
  const config = loadConfig({
    env: { VALIDATOR_SEED: "aa".repeat(32), VALIDATOR_SS58: "5public", WALLET_KEY: "bb".repeat(32) },
  });
  expect(secretValues(config).sort()).toEqual(["aa".repeat(32), "bb".repeat(32)]);
});

test("missing settings are listed together with their env names", () => {
  const error = problemOf(() => requireSettings(loadConfig({ env: {} }), ["postgres.url", "validator.seed"]));
  expect(error).toMatchObject({
    code: "CFG003",
    message: expect.stringMatching(/postgres\.url.*POSTGRES_URL.*validator\.seed.*VALIDATOR_SEED/),
  });
});

test("01 §23.25: published sample secrets are refused outside dev and accepted in dev", () => {
  const env = { LAUNCH_CONFIG_KEY: "launch-secret" };
  expect(problemOf(() => requireSettings(loadConfig({ env }), ["accounts.launchConfigKey"]))).toMatchObject({
    code: "CFG005",
    message: expect.stringContaining("accounts.launchConfigKey"),
  });
  requireSettings(loadConfig({ env: { ...env, CHUTES_ENV: "dev" } }), ["accounts.launchConfigKey"]);
});
