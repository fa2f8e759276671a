import type { InvocationMetrics } from "../../wire/metrics.js";
import type { TokenCount } from "./llm-meter.js";

/** Averages of a chute after this attempt was added. Adaptive ones are absent until they rest on enough calls. */
export interface Averages {
  /** Seconds per token, or per diffusion step. */
  readonly secondsPerUnit: number | undefined;
  /** Prompt tokens per second. */
  readonly promptRate: number | undefined;
  /** Output tokens per second. */
  readonly outputRate: number | undefined;
}

/** What an attempt adds to the averages of its chute; undefined where it adds nothing. @see protocol 04 §9.3 */
export interface Observation {
  readonly secondsPerUnit: number | undefined;
  readonly promptRate: number | undefined;
  readonly outputRate: number | undefined;
}

/** How busy the instance was when it was chosen. */
export interface Load {
  /** Mean connections per instance. */
  readonly meanConnections: number;
  /** Utilisation the instance reported. */
  readonly utilization: number | undefined;
}

/** @see protocol 04 §9.3 */
export function observeTokens(tokens: TokenCount, durationSeconds: number): Observation {
  const total = tokens.input + tokens.output;
  const ttft = tokens.ttftSeconds;
  const rest = ttft === null ? 0 : durationSeconds - ttft;
  return {
    secondsPerUnit: total > 0 && durationSeconds > 0 ? durationSeconds / total : undefined,
    promptRate: ttft !== null && ttft > 0 ? tokens.input / ttft : undefined,
    outputRate: tokens.output > 0 && rest > 0 ? tokens.output / rest : undefined,
  };
}

/** @see protocol 04 §9.3 */
export function observeSteps(steps: number, durationSeconds: number): Observation {
  const secondsPerUnit = steps > 0 && durationSeconds > 0 ? durationSeconds / steps : undefined;
  return { secondsPerUnit, promptRate: undefined, outputRate: undefined };
}

/** Metrics of a language-model attempt. @see protocol 04 §9.1 */
export function tokenMetrics(
  tokens: TokenCount,
  durationSeconds: number,
  context: { readonly load: Load; readonly averages: Averages },
): InvocationMetrics {
  const { load, averages } = context;
  const rate = (count: number) => (durationSeconds > 0 ? rounded(count / durationSeconds, 3) : 0);
  return {
    it: tokens.input,
    ot: tokens.output,
    ct: tokens.cached,
    tokens: tokens.chunks,
    ttft: tokens.ttftSeconds === null ? null : rounded(tokens.ttftSeconds, 3),
    tt: rounded(durationSeconds, 3),
    tps: rate(tokens.output),
    ctps: rate(tokens.input + tokens.output),
    mc: load.meanConnections,
    ...(load.utilization !== undefined && { ur: rounded(load.utilization, 4) }),
    ...(averages.secondsPerUnit !== undefined && { maspt: rounded(averages.secondsPerUnit, 8) }),
    ...normalised(tokens, averages),
  };
}

/** Metrics of an image. @see protocol 04 §9.1 */
export function stepMetrics(steps: number, durationSeconds: number, averages: Averages): InvocationMetrics {
  return {
    steps,
    sps: durationSeconds > 0 ? rounded(steps / durationSeconds, 3) : 0,
    ...(averages.secondsPerUnit !== undefined && { masps: rounded(averages.secondsPerUnit, 8) }),
  };
}

/** Compute seconds that the tokens would take at the chute's average rates. @see protocol 04 §9.3 (5.2) */
function normalised(
  tokens: Pick<TokenCount, "input" | "output">,
  { promptRate, outputRate }: Averages,
): Pick<InvocationMetrics, "ptps" | "otps" | "nc"> {
  if (promptRate === undefined || outputRate === undefined) return {};
  const seconds = (count: number, rate: number) => (rate > 0 ? count / rate : 0);
  const nc = seconds(tokens.input, promptRate) + seconds(tokens.output, outputRate);
  return { ptps: promptRate, otps: outputRate, nc };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
