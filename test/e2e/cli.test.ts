import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { build, runBinary } from "../support/binary.js";

beforeAll(build, 120_000);

const temp = () => mkdtempSync(join(tmpdir(), "cli-"));

test("help of a command starts with examples", async () => {
  const { code, stdout } = await runBinary(["set-weights", "--help"]);
  expect(code).toBe(0);
  expect(stdout.indexOf("EXAMPLES")).toBeGreaterThan(-1);
  expect(stdout.indexOf("EXAMPLES")).toBeLessThan(stdout.indexOf("USAGE"));
});

test("an unknown configuration key is named, exit code 2, and under --json it is one document", async () => {
  const file = join(temp(), "c.yaml");
  writeFileSync(file, "postgrs:\n  url: x\n");
  const plain = await runBinary(["set-weights", "--config", file]);
  expect(plain).toMatchObject({ code: 2, stdout: "" });
  expect(plain.stderr).toMatch(/CFG001.*postgrs\.url: unknown key/s);
  const json = await runBinary(["set-weights", "--config", file, "--json"]);
  expect(json.code).toBe(2);
  expect(JSON.parse(json.stdout)).toMatchObject({
    error: { code: "CFG001", retryable: false, fix: expect.any(String) },
  });
});

test("a service without its settings names all of them with their env names", async () => {
  const { code, stderr } = await runBinary(["serve", "api"], { POSTGRES_URL: "", REDIS_URL: "" });
  expect(code).toBe(2);
  for (const name of ["CFG003", "POSTGRES_URL", "REDIS_URL", "VALIDATOR_SEED", "WALLET_KEY"])
    expect(stderr).toContain(name);
});

test("a bad flag and a missing argument are usage errors with exit code 2", async () => {
  expect((await runBinary(["set-weights", "--nonsense"])).code).toBe(2);
  expect((await runBinary(["serve"])).code).toBe(2);
  expect((await runBinary(["serve", "nothing"])).code).toBe(2);
});

test("a date flag that is no date is named", async () => {
  const { code, stderr } = await runBinary(["verify", "--csv", "x.csv", "--as-of", "yesterday"]);
  expect(code).toBe(2);
  expect(stderr).toContain("--as-of");
});

test("dev names a port that is in use", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const outcome = await runBinary(["dev", "--ephemeral", "--port", String(port)]);
  server.close();
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain(`NET001: port ${port} is already in use`);
}, 60_000);

test("dev refuses a data directory it cannot make", async () => {
  const file = join(temp(), "file");
  writeFileSync(file, "");
  const { code, stderr } = await runBinary(["dev", "--data-dir", join(file, "inside")]);
  expect(code).toBe(2);
  expect(stderr).toContain("DEV001");
});

test.runIf(process.getuid?.() === 0)("dev refuses a data directory of another user", async () => {
  const dir = temp();
  const { chownSync } = await import("node:fs");
  chownSync(dir, 12_345, 12_345);
  chmodSync(dir, 0o777);
  const { code, stderr } = await runBinary(["dev", "--data-dir", dir]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/DEV001.*12345/s);
});

test("dev refuses a data directory of a newer version", async () => {
  const dir = temp();
  writeFileSync(join(dir, "format"), "99\n");
  const { code, stderr } = await runBinary(["dev", "--data-dir", dir]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/DEV003.*format 99/s);
});

test("dev tour without a platform says how to get one", async () => {
  const { code, stderr } = await runBinary(["dev", "tour", "--data-dir", temp()]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/DEV006.*--ephemeral/s);
});
