import { stringifyJson } from "./json.js";
import { naiveIso } from "./timestamps.js";

/** The call a trace belongs to. `invocationId` is the parent id that the response header carries. */
export interface TracedCall {
  readonly invocationId: string;
  readonly chuteId: string;
  /** Name of the cord's function. */
  readonly functionName: string;
}

/** The instance an attempt went to. */
export interface TraceTarget {
  readonly instanceId: string;
  readonly uid: number;
  readonly hotkey: string;
  readonly coldkey: string;
}

/** One attempt of a call; `childId` is the id of its row in the exports. */
export interface TracedAttempt extends TracedCall {
  readonly childId: string;
  readonly target: TraceTarget;
}

/** First event: how many instances may be asked. @see protocol 04 §8.3 */
export function traceStart(call: TracedCall, targets: number, now: Date): string {
  return traceEvent({ call, message: `identified ${targets} available targets` }, now);
}

/** Before an attempt. The auditor finds target, uid and hotkey in this text. @see protocol 04 §8.3 */
export function traceAttempt(attempt: TracedAttempt, now: Date): string {
  return traceEvent(
    { call: attempt, childId: attempt.childId, message: `attempting to query ${targetText(attempt.target)}` },
    now,
  );
}

/** After an attempt that succeeded. @see protocol 04 §8.3 */
export function traceSuccess(attempt: TracedAttempt, now: Date): string {
  const message = `successfully called function='${attempt.functionName}' on ${targetText(attempt.target)}`;
  return traceEvent({ call: attempt, childId: attempt.childId, message }, now);
}

/** After an attempt that failed. `problem` must not name the instance's host. @see protocol 04 §8.3 */
export function traceFailure(attempt: TracedAttempt, problem: string, now: Date): string {
  const message = `error encountered while querying ${targetText(attempt.target)}: exc=${oneLine(problem)}`;
  return traceEvent({ call: attempt, childId: attempt.childId, message }, now);
}

/** A piece of a stream, or the whole result object. @see protocol 04 §8.3 */
export function traceResult(result: unknown): string {
  return eventLine({ result });
}

/** Last event of a call that failed: `infra_overload`, `bad_request` or a text. @see protocol 04 §8.3 */
export function traceError(error: string, detail?: unknown): string {
  return eventLine(detail === undefined ? { error } : { error, detail });
}

function traceEvent(what: { call: TracedCall; childId?: string; message: string }, now: Date): string {
  const { call, childId, message } = what;
  return eventLine({
    trace: {
      timestamp: naiveIso(now),
      invocation_id: call.invocationId,
      ...(childId !== undefined && { child_id: childId }),
      chute_id: call.chuteId,
      function: call.functionName,
      message,
    },
  });
}

function targetText(target: TraceTarget): string {
  return `target=${target.instanceId} uid=${target.uid} hotkey=${target.hotkey} coldkey=${target.coldkey}`;
}

/** Readers match messages line by line. */
function oneLine(text: string): string {
  return text.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
}

function eventLine(event: unknown): string {
  return `data: ${stringifyJson(event)}\n\n`;
}
