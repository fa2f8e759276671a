import { expect, test } from "vitest";
import { AppError } from "../../../src/kernel/errors.js";
import { CloseStack, runLoop, withTimeout } from "../../../src/kernel/lifecycle.js";
import { createLogger } from "../../../src/kernel/logger.js";

const silent = createLogger({ level: "silent", secrets: [] });

test("a close stack closes in reverse order, once, and goes on after a failure", async () => {
  const order: string[] = [];
  const stack = new CloseStack();
  stack.add(() => order.push("first opened"));
  stack.add(() => Promise.reject(new Error("stuck")));
  stack.add(() => order.push("last opened"));
  await expect(stack.close()).rejects.toThrow("stuck");
  await expect(stack.close()).rejects.toThrow("stuck");
  expect(order).toEqual(["last opened", "first opened"]);
});

test("a loop survives failures and stops when closed", async () => {
  let passes = 0;
  const { promise, resolve } = resolvable();
  const loop = runLoop(
    { name: "t", signal: new AbortController().signal, log: silent, intervalMs: 1, maxBackoffMs: 1 },
    async () => {
      passes += 1;
      if (passes === 3) resolve();
      if (passes === 1) throw new Error("first pass fails");
    },
  );
  await promise;
  await loop.close();
  const after = passes;
  await new Promise((wait) => setTimeout(wait, 20));
  expect(passes).toBe(after);
});

test("withTimeout tells the work through its signal and rejects with the given error", async () => {
  let told = false;
  const work = withTimeout(
    5,
    (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          told = true;
          reject(new Error("aborted"));
        }),
      ),
    () => new AppError("unavailable", "too slow"),
  );
  await expect(work).rejects.toThrow();
  expect(told).toBe(true);
});

function resolvable(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
