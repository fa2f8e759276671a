import { expect, test } from "vitest";
import { secretProblem } from "../../../src/domain/secrets/secret.js";

const problem = (changes: { key?: string; value?: string }) => secretProblem({ key: "TOKEN", value: "v", ...changes });

test.each(["_", "a1", "HF_TOKEN", "PATHS", "MY_PATH", "LD", "CUDA", "path", "Z".repeat(128)])(
  "%s may be a secret",
  (key) => {
    expect(problem({ key })).toBeUndefined();
  },
);

test.each(["PATH", "LD_LIBRARY_PATH", "PYTHON", "PYTHONSTARTUP", "CHUTES_X", "NVIDIA_", "CUDA_X"])(
  "%s belongs to the runtime",
  (key) => {
    expect(problem({ key })).toContain(key);
  },
);

test("a value may be empty and has at most 32 KiB of whole characters, none of them NUL", () => {
  for (const value of ["", "a\nb", "ü".repeat(16_384), "\u{1f600}"]) expect(problem({ value })).toBeUndefined();
  for (const value of [`${"ü".repeat(16_384)}x`, "a\0", "\ud83d"]) expect(problem({ value })).toBeTypeOf("string");
});

test("what is said of a value never repeats it", () => {
  expect(problem({ value: `visible\0` })).not.toContain("visible");
});
