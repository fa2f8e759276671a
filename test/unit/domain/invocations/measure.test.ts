import { expect, test } from "vitest";
import type { TokenCount } from "../../../../src/domain/invocations/llm-meter.js";
import { observeSteps, observeTokens, stepMetrics, tokenMetrics } from "../../../../src/domain/invocations/measure.js";

const TOKENS: TokenCount = {
  input: 1000,
  cached: 64,
  output: 300,
  chunks: 290,
  ttftSeconds: 0.2504,
  isClaimRejected: false,
};
const LOAD = { meanConnections: 3, utilization: 0.123456 };
const NONE = { secondsPerUnit: undefined, promptRate: undefined, outputRate: undefined };

test("04 §19.17: normalised compute is what the tokens take at average rates", () => {
  const averages = { secondsPerUnit: 0.00500099990001, promptRate: 5000, outputRate: 60 };
  const metrics = tokenMetrics(TOKENS, 5.1236, { load: LOAD, averages });
  expect(metrics).toEqual({
    it: 1000,
    ot: 300,
    ct: 64,
    tokens: 290,
    ttft: 0.25,
    tt: 5.124,
    tps: 58.553,
    ctps: 253.728,
    mc: 3,
    ur: 0.1235,
    maspt: 0.005001,
    ptps: 5000,
    otps: 60,
    nc: 5.2,
  });
});

test("04 §9.3: without ready averages nothing is normalised", () => {
  const metrics = tokenMetrics(TOKENS, 5, { load: { ...LOAD, utilization: undefined }, averages: NONE });
  expect(metrics).not.toHaveProperty("nc");
  expect(metrics).not.toHaveProperty("maspt");
  expect(metrics).not.toHaveProperty("ur");
});

test("04 §9.3: an average of zero divides nothing", () => {
  const averages = { secondsPerUnit: undefined, promptRate: 0, outputRate: 60 };
  expect(tokenMetrics(TOKENS, 5, { load: LOAD, averages })).toMatchObject({ nc: 5 });
});

test("04 §9.3: a stream adds rates, a whole answer only its seconds per token", () => {
  expect(observeTokens({ ...TOKENS, input: 100, output: 300, ttftSeconds: 2 }, 4)).toEqual({
    secondsPerUnit: 0.01,
    promptRate: 50,
    outputRate: 150,
  });
  expect(observeTokens({ ...TOKENS, input: 100, output: 300, ttftSeconds: null }, 4)).toEqual({
    secondsPerUnit: 0.01,
    promptRate: undefined,
    outputRate: undefined,
  });
});

test("04 §9.3: what took no time or made nothing adds nothing", () => {
  expect(observeTokens({ ...TOKENS, input: 0, output: 0, ttftSeconds: null }, 4)).toEqual(NONE);
  expect(observeTokens(TOKENS, 0).secondsPerUnit).toBeUndefined();
  expect(observeSteps(25, 0)).toEqual(NONE);
});

test("04 §9.1: images are measured in steps", () => {
  expect(observeSteps(25, 5).secondsPerUnit).toBe(0.2);
  expect(stepMetrics(25, 5, { ...NONE, secondsPerUnit: 0.2 })).toEqual({ steps: 25, sps: 5, masps: 0.2 });
});
