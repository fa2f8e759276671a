import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type RunOptions, run, which } from "../../../src/infra/process/exec.js";

const { signal } = new AbortController();
const options: RunOptions = { signal, timeoutMs: 10_000 };
const node = (script: string, more: Partial<RunOptions> = {}) =>
  run(process.execPath, ["-e", script], { ...options, ...more });

test("output, input, environment, folder and time of a command", async () => {
  const script = `
    let input = ""; process.stdin.on("data", (chunk) => { input += chunk; });
    process.stdin.on("end", () => { console.log(input + process.env.GREETING + process.cwd()); console.error("note"); });`;
  const result = await node(script, { input: "in ", env: { GREETING: "hello " }, cwd: "/" });
  expect(result).toEqual({ stdout: "in hello /", stderr: "note", tookMs: expect.any(Number) });
  expect(result.tookMs).toBeGreaterThan(0);
});

test("without input a command that reads finds the end", async () => {
  expect((await run("cat", [], options)).stdout).toBe("");
});

test("arguments reach the command as they are, no shell reads them", async () => {
  const args = ["$HOME", "`id`", "a b", "; exit 1", "ü"];
  const { stdout } = await run(
    process.execPath,
    ["-e", "console.log(JSON.stringify(process.argv.slice(1)))", ...args],
    options,
  );
  expect(JSON.parse(stdout)).toEqual(args);
});

test("a failure tells code and error output, but no value of the environment and no argument", async () => {
  const script = `console.error("no access with " + process.env.TOKEN); process.exit(3)`;
  const error = await node(script, { env: { TOKEN: "very-secret" } }).catch((thrown: Error) => thrown);
  expect(error).toMatchObject({
    kind: "unavailable",
    message: `${process.execPath} exited with code 3: no access with [redacted]`,
  });
  expect(error).not.toHaveProperty("cause");
});

test("a long error output is cut to its end", async () => {
  const error = (await node(`console.error("x".repeat(9000) + "the reason"); process.exit(1)`).catch(
    (thrown) => thrown,
  )) as Error;
  expect(error.message).toMatch(/the reason$/);
  expect(error.message.length).toBeLessThan(2200);
});

test("a command that is not installed is a configuration problem with a remedy", async () => {
  await expect(run("no-such-program-here", [], options)).rejects.toMatchObject({
    kind: "config",
    message: "no-such-program-here is not installed",
    fix: "install no-such-program-here and put it on PATH",
  });
});

test("a command that takes too long is ended", async () => {
  const dir = mkdtempSync(join(tmpdir(), "chutes-process-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const script = `setTimeout(() => require("fs").writeFileSync("late", ""), 1500)`;
  await expect(node(script, { timeoutMs: 300, cwd: dir })).rejects.toMatchObject({
    kind: "unavailable",
    message: /longer than 300 ms/,
  });
  expect(existsSync(join(dir, "late"))).toBe(false);
});

test("the signal ends a command, also one that was never started", async () => {
  const abort = new AbortController();
  const running = node("setInterval(() => {}, 1000)", { signal: abort.signal });
  abort.abort();
  await expect(running).rejects.toMatchObject({ kind: "aborted" });
  await expect(node("1", { signal: abort.signal })).rejects.toMatchObject({ kind: "aborted" });
});

test("a command killed from outside is named with its signal", async () => {
  await expect(node(`process.kill(process.pid, "SIGKILL")`)).rejects.toMatchObject({
    kind: "unavailable",
    message: /was ended by SIGKILL/,
  });
});

test("a command that prints without end is ended", async () => {
  await expect(run("yes", [], options)).rejects.toMatchObject({ kind: "too_large" });
});

test("which finds programs by name and nothing else", async () => {
  expect(await which("sh")).toMatch(/^\/.*\/sh$/);
  expect(await which("no-such-program-here")).toBeUndefined();
  expect(await which("$(echo sh)")).toBeUndefined();
  expect(await which("cd")).toBeUndefined();
});
