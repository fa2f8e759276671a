import { expect, test } from "vitest";
import { AppError } from "../../../../../src/kernel/errors.js";
import { TryAgain, withRetries } from "../../../../../src/operator/verify/fetch/retry.js";

const policy = { retries: 3, firstPauseMs: 1, longestPauseMs: 4 };
const signal = new AbortController().signal;

function failing(times: number, error: () => Error) {
  let calls = 0;
  const attempt = async () => {
    calls += 1;
    if (calls <= times) throw error();
    return calls;
  };
  return { attempt, calls: () => calls };
}

test("repeats what may succeed later", async () => {
  expect(await withRetries(policy, signal, failing(3, () => new TryAgain("busy")).attempt)).toBe(4);
  expect(await withRetries(policy, signal, failing(1, () => new AppError("unavailable", "down")).attempt)).toBe(2);
});

test("gives up with `unavailable` when the retries are used up", async () => {
  const busy = failing(9, () => new TryAgain("busy"));
  await expect(withRetries(policy, signal, busy.attempt)).rejects.toMatchObject({
    kind: "unavailable",
    message: "busy",
  });
  expect(busy.calls()).toBe(4);
});

test("does not repeat other errors", async () => {
  const broken = failing(9, () => new AppError("invalid", "no"));
  await expect(withRetries(policy, signal, broken.attempt)).rejects.toMatchObject({ kind: "invalid" });
  expect(broken.calls()).toBe(1);
});

test("a server's wish for a pause is granted up to the longest one", async () => {
  const asked = failing(1, () => new TryAgain("later", 3_600_000));
  const startedMs = performance.now();
  await withRetries(policy, signal, asked.attempt);
  expect(performance.now() - startedMs).toBeLessThan(1000);
});

test("stops when the signal stops", async () => {
  const stop = new AbortController();
  const attempt = async () => {
    stop.abort(new Error("stopped"));
    throw new TryAgain("busy");
  };
  await expect(withRetries({ ...policy, firstPauseMs: 60_000 }, stop.signal, attempt)).rejects.toThrow();
});
