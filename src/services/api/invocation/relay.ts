import { type AttemptFailure, emptyStream, invalidResponse } from "../../../domain/invocations/attempt-failure.js";
import { countAnswer, StreamMeter, type TokenCount } from "../../../domain/invocations/llm-meter.js";
import { type Judgement, StreamJudge } from "../../../domain/invocations/stream-judge.js";
import { readWholeAnswer } from "../../../infra/instances/instance-body.js";
import type { InstanceAnswer } from "../../../infra/instances/instance-client.js";
import { InstanceLines } from "../../../infra/instances/instance-lines.js";
import type { Answer } from "./answer.js";
import type { Call } from "./call.js";

/** How passing an instance's answer on to the client went. Tokens are absent where they are not counted. */
export type Relayed = { readonly tokens: TokenCount | undefined } | { readonly failure: AttemptFailure };

/** What is passed on, and to whom. */
export interface Relay {
  readonly call: Call;
  readonly from: InstanceAnswer;
  readonly to: Answer;
  /** Seconds since the attempt began. */
  readonly elapsed: () => number;
}

/**
 * Passes a stream on, line by line, each as soon as it is decrypted. When the client leaves after content has gone out, what
 * was counted so far stands.
 * @throws what reading the instance throws
 * @see protocol 04 §8.2, §8.5
 */
export async function relayStream({ call, from, to, elapsed }: Relay): Promise<Relayed> {
  const { measuredBy, promptEstimate } = call.prepared;
  const isLlm = measuredBy === "tokens";
  const meter = isLlm ? new StreamMeter(promptEstimate) : undefined;
  const judge = isLlm ? new StreamJudge(call.chute.name) : PASS_ALL;
  try {
    for await (const lines of new InstanceLines(from.stream, from.key)) {
      const judgement = judge.judge(lines);
      if ("failure" in judgement) {
        from.stream.close();
        return judgement;
      }
      const seconds = elapsed();
      for (const line of lines) meter?.count(line, seconds);
      if (judgement.pass.length > 0) await to.lines(judgement.pass);
    }
  } catch (error) {
    if (!call.signal.aborted || !to.hasBegun) throw error;
  }
  return to.hasBegun ? { tokens: meter?.read() } : { failure: emptyStream() };
}

const PASS_ALL = { judge: (lines: readonly Buffer[]): Judgement => ({ pass: lines }) };

/**
 * Passes a whole answer on. A language model's answer must name its model and say what it used.
 * @throws what reading the instance throws
 * @see protocol 04 §7.3, §8.1
 */
export async function relayWhole({ call, from, to }: Relay): Promise<Relayed> {
  const answer = await readWholeAnswer(from);
  const { measuredBy, promptEstimate } = call.prepared;
  if (measuredBy !== "tokens" || answer.kind !== "json") {
    to.whole(answer);
    return { tokens: undefined };
  }
  const parsed: unknown = JSON.parse(answer.bytes.toString("utf8"));
  const model = (Object(parsed) as { model?: unknown }).model;
  if (model !== undefined && model !== call.chute.name) return { failure: emptyStream() };
  const tokens = countAnswer(parsed, promptEstimate);
  if (tokens === undefined) return { failure: invalidResponse() };
  to.whole(answer);
  return { tokens };
}
