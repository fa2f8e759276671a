import { expect, test } from "vitest";
import {
  checkGpuVerification,
  requireKeyHandOver,
  requireSkipMode,
} from "../../../../src/domain/nodes/gpu-verification.js";
import { loadConfig } from "../../../../src/kernel/config/load.js";

const configOf = (environment: string, gpuVerification: object) =>
  loadConfig({ env: {}, overrides: { environment, gpuVerification } });

test.each([
  ["production", { mode: "skip" }],
  ["production", { mode: "pog", allowInsecureKeys: true }],
])("%s refuses %o at start", (environment, settings) => {
  expect(() => checkGpuVerification(configOf(environment, settings))).toThrow(
    expect.objectContaining({ kind: "config", code: "CFG006" }),
  );
});

test.each([
  ["dev", { mode: "skip", allowInsecureKeys: true }],
  ["production", { mode: "pog" }],
])("%s accepts %o", (environment, settings) => {
  expect(() => checkGpuVerification(configOf(environment, settings))).not.toThrow();
});

test.each(["tee", "remote", "ffi", "pog"] as const)("mode %s says that it is not built yet", (mode) => {
  expect(() => requireSkipMode({ mode })).toThrow(`GPU verification mode ${mode} is not built yet`);
  expect(() => requireKeyHandOver({ mode, allowInsecureKeys: true })).toThrow(
    expect.objectContaining({ kind: "unavailable" }),
  );
});

test("keys are handed over only where insecure keys are allowed", () => {
  expect(() => requireKeyHandOver({ mode: "skip", allowInsecureKeys: false })).toThrow(
    expect.objectContaining({ kind: "unavailable" }),
  );
  expect(() => requireKeyHandOver({ mode: "skip", allowInsecureKeys: true })).not.toThrow();
});
