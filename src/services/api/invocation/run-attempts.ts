import type { AttemptFailure } from "../../../domain/invocations/attempt-failure.js";
import type { Verdict } from "../../../domain/invocations/target-store.js";
import type { InstanceTarget } from "../../../wire/instance-transport.js";
import type { TracedAttempt } from "../../../wire/trace.js";
import type { Answer, Refusal } from "./answer.js";
import { type Attempt, type AttemptDeps, type AttemptResult, tryInstance } from "./attempt.js";
import type { Call } from "./call.js";
import { type Choice, type ChooseDeps, chooseTarget } from "./choose-target.js";
import type { Penalise } from "./penalties.js";
import type { Slots } from "./slots.js";

export interface AttemptsDeps extends AttemptDeps, ChooseDeps {
  readonly slots: Slots;
  readonly penalise: Penalise;
  readonly settle: (attempt: Attempt, result: AttemptResult) => Promise<void>;
  /** Work that outlives the request; waited for when the service closes. */
  readonly inBackground: (work: Promise<void>) => void;
}

/** Where a call may go, and what writes to its client once it was let in. */
export interface AttemptsOptions {
  readonly targets: readonly InstanceTarget[];
  readonly makeAnswer: (verdict: Verdict) => Answer;
}

/** What is remembered from one attempt to the next. */
interface Progress {
  candidates: readonly InstanceTarget[];
  isWithinQuota: boolean;
  wasFull: boolean;
  lastFailure: AttemptFailure | undefined;
}

/**
 * Tries a call on one instance after the other, until one answers, the caller is at fault, or content has gone out.
 * @returns how the call was refused; undefined when it was answered
 * @throws AppError when the call is not let in
 * @see protocol 04 §5.7
 */
export async function runAttempts(
  deps: AttemptsDeps,
  call: Call,
  { targets, makeAnswer }: AttemptsOptions,
): Promise<Refusal | undefined> {
  const progress: Progress = { candidates: targets, isWithinQuota: false, wasFull: false, lastFailure: undefined };
  const first = await chooseTarget(deps, call, { candidates: targets, isFirst: true });
  const answer = makeAnswer(first.verdict);
  answer.opened(targets.length);
  if (await attemptAll(deps, { call, progress, answer, first })) return undefined;
  if (progress.isWithinQuota) deps.inBackground(giveQuotaBack(deps, call));
  const refusal = refusalAfter(progress, answer.hasBegun);
  answer.refuse(refusal);
  return refusal;
}

interface Run {
  readonly call: Call;
  readonly progress: Progress;
  readonly answer: Answer;
  readonly first: Choice;
}

/** @returns whether one of them answered */
async function attemptAll(deps: AttemptsDeps, run: Run): Promise<boolean> {
  const { call, progress, answer } = run;
  let choice = run.first;
  for (let left = deps.config.gateway.maxAttempts; ; left -= 1) {
    if (choice.verdict.kind !== "chosen") return false;
    const failure = await attemptOne(deps, run, choice);
    if (failure === undefined) return true;
    progress.lastFailure = failure;
    progress.wasFull ||= failure.label === "RATE_LIMIT";
    const isLast = left <= 1 || progress.candidates.length === 0;
    if (isLast || failure.effect === "stop" || answer.hasBegun) return false;
    choice = await chooseTarget(deps, call, { candidates: progress.candidates, isFirst: false });
  }
}

async function attemptOne(deps: AttemptsDeps, run: Run, choice: Choice): Promise<AttemptFailure | undefined> {
  const { answer } = run;
  const attempt = beginAttempt(run, choice);
  const { call, target, childId } = attempt;
  const traced = tracedAttempt(attempt);
  answer.attempting(traced);
  deps.slots.hold({ chuteId: call.chute.chuteId, instanceId: target.instanceId, leaseId: childId });
  const result = await tryInstance(deps, attempt, answer);
  deps.slots.release(childId);
  if (result.failure === undefined) {
    answer.succeeded(traced);
    answer.end();
  } else {
    answer.failed(traced, result.failure.label);
    deps.inBackground(deps.penalise(target, result.failure));
  }
  deps.inBackground(deps.settle(attempt, result));
  return result.failure;
}

function beginAttempt({ call, progress }: Run, { leaseId, verdict }: Choice): Attempt {
  const target = verdict.kind === "chosen" ? progress.candidates[verdict.index] : undefined;
  if (verdict.kind !== "chosen" || target === undefined) throw new Error("an unknown instance was chosen");
  progress.candidates = progress.candidates.filter((candidate) => candidate !== target);
  progress.isWithinQuota ||= verdict.isWithinQuota;
  const { meanConnections } = verdict;
  return { childId: leaseId, call, target, meanConnections, isWithinQuota: progress.isWithinQuota };
}

function tracedAttempt({ childId, call, target }: Attempt): TracedAttempt {
  const { instanceId, minerUid: uid, minerHotkey: hotkey, minerColdkey: coldkey } = target;
  return {
    invocationId: call.parentId,
    chuteId: call.chute.chuteId,
    functionName: call.prepared.cord.function,
    childId,
    target: { instanceId, uid, hotkey, coldkey },
  };
}

async function giveQuotaBack({ targets, log }: AttemptsDeps, call: Call): Promise<void> {
  await targets.addQuota(call.plan.request, -1, call.startedAt).catch((error: unknown) => {
    log.warn({ err: error }, "the quota of a failed call could not be given back");
  });
}

/** @see protocol 04 §5.7, §8.2 */
function refusalAfter({ lastFailure, wasFull }: Progress, hasBegun: boolean): Refusal {
  if (lastFailure !== undefined && hasBegun) return { status: 500, detail: lastFailure.label };
  if (lastFailure?.effect === "stop") return lastFailure;
  if (wasFull || lastFailure === undefined) return OVERLOADED;
  return lastFailure;
}

const OVERLOADED: Refusal = { status: 429, detail: "All instances are at capacity, try again later." };
