import { randomUUID } from "node:crypto";
import { deleteInstance } from "../../../domain/instances/instance-repository.js";
import type { AttemptFailure } from "../../../domain/invocations/attempt-failure.js";
import { announceDisabled } from "../../../domain/invocations/disabled-repository.js";
import { DELETION_DELAY_MS, type FailureStore } from "../../../domain/invocations/failure-store.js";
import type { InstanceClient } from "../../../infra/instances/instance-client.js";
import { pause } from "../../../kernel/lifecycle.js";
import type { InstanceTarget } from "../../../wire/instance-transport.js";
import type { ApiDeps } from "../deps.js";
import type { GatewayMemory } from "./gateway-memory.js";

export interface PenaltyDeps extends Pick<ApiDeps, "db" | "log" | "now" | "signal"> {
  readonly failures: FailureStore;
  readonly instances: InstanceClient;
  readonly memory: GatewayMemory;
  /** Failures in a row that disable an instance. */
  readonly failureLimit: number;
  /** How long a deletion waits, milliseconds; default 45 000. */
  readonly deletionDelayMs?: number;
}

/** What a failed attempt costs the instance. Never throws: a fault of ours must not become the caller's. */
export type Penalise = (target: InstanceTarget, failure: AttemptFailure) => Promise<void>;

const REASON = {
  failures: "Instance failed too often in a row",
  KEY_EXCHANGE_REQUIRED: "Instance has no usable session key",
  INVALID_RESPONSE: "Instance answered without usage",
} as const;

/** @see protocol 04 §7.3, §7.4 */
export function openPenalties(deps: PenaltyDeps): Penalise {
  const waiting = new Set<string>();
  return async (target, failure) => {
    try {
      if (failure.penalty === "delete") await remove(deps, target, reasonOf(failure));
      if (failure.penalty === "failure") await count(deps, target, waiting);
    } catch (error) {
      deps.log.error({ err: error, instanceId: target.instanceId }, "a failure of an instance could not be recorded");
    }
  };
}

function reasonOf({ label }: AttemptFailure): string {
  return label === "KEY_EXCHANGE_REQUIRED" || label === "INVALID_RESPONSE" ? REASON[label] : REASON.failures;
}

async function count(deps: PenaltyDeps, target: InstanceTarget, waiting: Set<string>): Promise<void> {
  const { instanceId } = target;
  const failure = { instanceId, failureId: randomUUID(), limit: deps.failureLimit };
  const verdict = await deps.failures.record(failure, deps.now());
  if (verdict.disables > 0) {
    deps.log.warn({ instanceId, minerHotkey: target.minerHotkey, disables: verdict.disables }, "instance disabled");
    await announceDisabled(deps.db, instanceId, deps.now());
  }
  if (!verdict.isPendingDeletion || waiting.has(instanceId)) return;
  waiting.add(instanceId);
  deleteLater(deps, target)
    .catch((error: unknown) => deps.log.error({ err: error, instanceId }, "an instance could not be deleted"))
    .finally(() => waiting.delete(instanceId));
}

/** When many instances fail at once it is our network that failed; the wait shows it. */
async function deleteLater(deps: PenaltyDeps, target: InstanceTarget): Promise<void> {
  await pause(deps.deletionDelayMs ?? DELETION_DELAY_MS, deps.signal);
  if (deps.signal.aborted) return;
  if (await deps.failures.mayDelete(target.instanceId, deps.now())) await remove(deps, target, REASON.failures);
  else deps.log.error({ instanceId: target.instanceId }, "many instances fail at once: none is deleted");
}

async function remove(
  { db, log, now, instances, memory }: PenaltyDeps,
  target: InstanceTarget,
  reason: string,
): Promise<void> {
  const { instanceId, chuteId, minerHotkey } = target;
  const isDeleted = await deleteInstance(db, { instanceId, reason, now: now() });
  memory.dropInstances(chuteId);
  instances.evict(instanceId);
  if (isDeleted) log.warn({ instanceId, chuteId, minerHotkey, reason }, "instance deleted");
}
