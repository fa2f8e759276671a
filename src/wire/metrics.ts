/**
 * What one attempt measured, as it is stored, exported and scored. Members are absent when they do not apply.
 * @see protocol 04 §9.1
 */
export interface InvocationMetrics {
  /** Prompt tokens. */
  it?: number;
  /** Completion tokens. */
  ot?: number;
  /** Cached prompt tokens, at most `it`. */
  ct?: number;
  /** Content chunks of a stream, or completion tokens. */
  tokens?: number;
  /** Seconds to the first content chunk, 3 decimals; null when not streamed. */
  ttft?: number | null;
  /** Total seconds, 3 decimals. */
  tt?: number;
  /** `ot` per second, 3 decimals. */
  tps?: number;
  /** `it + ot` per second, 3 decimals. */
  ctps?: number;
  /** Mean connections per instance at selection. */
  mc?: number;
  /** Utilisation the instance reported, 4 decimals. */
  ur?: number;
  /** Moving average of seconds per token, 8 decimals. */
  maspt?: number;
  /** Adaptive average of prompt tokens per second. */
  ptps?: number;
  /** Adaptive average of output tokens per second. */
  otps?: number;
  /** Normalised compute seconds. */
  nc?: number;
  /** Diffusion steps. */
  steps?: number;
  /** Diffusion steps per second. */
  sps?: number;
  /** Moving average of seconds per step, 8 decimals. */
  masps?: number;
  /** Present on private-billed chutes: such rows are scored per instance-hour instead. */
  p?: true;
  /** USD actually charged. */
  b?: number;
}
