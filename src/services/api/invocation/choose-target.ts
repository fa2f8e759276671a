import { randomUUID } from "node:crypto";
import { concurrencyOf } from "../../../domain/chutes/chute.js";
import type { TargetStore, Verdict } from "../../../domain/invocations/target-store.js";
import { AppError } from "../../../kernel/errors.js";
import type { InstanceTarget } from "../../../wire/instance-transport.js";
import type { ApiDeps } from "../deps.js";
import { refusalOf } from "./admit.js";
import type { Call } from "./call.js";

export interface ChooseDeps extends Pick<ApiDeps, "log" | "now"> {
  readonly targets: TargetStore;
}

/** What was decided, and the id of the slot that was taken: it becomes the attempt's invocation id. */
export interface Choice {
  readonly leaseId: string;
  readonly verdict: Verdict;
}

/** Lists of ids are long-lived: the sets they come from are cached. */
export interface Choosing {
  readonly candidates: readonly InstanceTarget[];
  /** The call is to be let in as well: quota, limits, maintenance. */
  readonly isFirst: boolean;
}

/**
 * Lets a call in and takes a slot, in one round trip to Redis.
 * @throws AppError when the call is not let in; `unavailable` when that cannot be found out
 * @see protocol 04 §3, §5.3
 */
export async function chooseTarget(deps: ChooseDeps, call: Call, { candidates, isFirst }: Choosing): Promise<Choice> {
  const { chute, prepared, plan } = call;
  const leaseId = randomUUID();
  const target = {
    chuteId: chute.chuteId,
    slots: concurrencyOf(chute),
    instanceIds: candidates.map(({ instanceId }) => instanceId),
    prefixes: prepared.prefixes,
    leaseId,
    random: Math.random(),
  };
  const request = isFirst ? { target, admission: plan.request } : { target };
  const verdict = await deps.targets.choose(request, deps.now()).catch((error: unknown) => {
    deps.log.warn({ err: error, chuteId: chute.chuteId }, "an instance is chosen without shared memory");
    return blindChoice(call, candidates);
  });
  const refusal = refusalOf(verdict, call, deps.now());
  if (refusal !== undefined) throw refusal;
  return { leaseId, verdict };
}

/**
 * Whether a call that will fail for another reason would have been let in: callers without quota learn nothing else.
 * @throws AppError when it would not
 */
export async function requireAdmission(deps: ChooseDeps, call: Pick<Call, "chute" | "caller" | "plan">): Promise<void> {
  const verdict = await deps.targets.choose({ admission: call.plan.request }, deps.now());
  const refusal = refusalOf(verdict, call, deps.now());
  if (refusal !== undefined) throw refusal;
}

/** An outage of ours must not stop calls that somebody pays for; a quota cannot be kept without its counter. */
function blindChoice({ plan }: Call, candidates: readonly InstanceTarget[]): Verdict {
  if (plan.request.quota?.isPaying === false) {
    throw new AppError("unavailable", "Quotas cannot be checked right now; try again.");
  }
  const index = Math.floor(Math.random() * candidates.length);
  return { kind: "chosen", index, meanConnections: 0, isWithinQuota: false, quotaUsed: 0 };
}
