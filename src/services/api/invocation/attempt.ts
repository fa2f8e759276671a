import { type AttemptFailure, failureOfError, failureOfStatus } from "../../../domain/invocations/attempt-failure.js";
import type { TokenCount } from "../../../domain/invocations/llm-meter.js";
import { readBytes } from "../../../infra/instances/instance-body.js";
import type { InstanceAnswer, InstanceClient } from "../../../infra/instances/instance-client.js";
import type { Config } from "../../../kernel/config/schema.js";
import { AppError } from "../../../kernel/errors.js";
import { HEADER } from "../../../wire/headers.js";
import type { InstanceTarget } from "../../../wire/instance-transport.js";
import type { Answer } from "./answer.js";
import type { Call } from "./call.js";
import { type Relayed, relayStream, relayWhole } from "./relay.js";

/** One instance asked on behalf of a call. */
export interface Attempt {
  /** The attempt's own invocation id. */
  readonly childId: string;
  readonly call: Call;
  readonly target: InstanceTarget;
  /** Mean connections per instance when it was chosen. */
  readonly meanConnections: number;
  /** The call is inside its quota. */
  readonly isWithinQuota: boolean;
}

/** How it went. */
export interface AttemptResult {
  readonly durationSeconds: number;
  readonly failure: AttemptFailure | undefined;
  readonly tokens: TokenCount | undefined;
  /** What the instance said about itself, when it answered. */
  readonly reported: Reported;
}

interface Reported {
  /** Connections in use, this call included. */
  readonly connections: number | undefined;
  /** In [0, 1]. */
  readonly utilization: number | undefined;
}

export interface AttemptDeps {
  readonly instances: InstanceClient;
  readonly config: Pick<Config, "gateway">;
  readonly now: () => Date;
}

const MAX_ERROR_BYTES = 256 * 1024;

/** Asks one instance and passes its answer on. Never throws. @see protocol 04 §7 */
export async function tryInstance(deps: AttemptDeps, attempt: Attempt, answer: Answer): Promise<AttemptResult> {
  const { call, target } = attempt;
  const beganAt = performance.now();
  const elapsed = () => (performance.now() - beganAt) / 1000;
  let reported: Reported = { connections: undefined, utilization: undefined };
  const relayed = await ask(deps, attempt)
    .then((from) => {
      reported = reportedBy(from);
      return relay({ call, from, to: answer, elapsed });
    })
    .catch((error: unknown): Relayed => ({ failure: failureOfError(asAbort(error, call.signal), target) }));
  const isFailure = "failure" in relayed;
  return {
    durationSeconds: elapsed(),
    failure: isFailure ? relayed.failure : undefined,
    tokens: isFailure ? undefined : relayed.tokens,
    reported,
  };
}

function ask({ instances, config, now }: AttemptDeps, { call, target }: Attempt): Promise<InstanceAnswer> {
  const { cord, payload } = call.prepared;
  return instances.call(target, {
    path: cord.path,
    body: payload,
    signal: call.signal,
    silenceMs: cord.stream ? config.gateway.streamIdleTimeoutMs : config.gateway.readTimeoutMs,
    now: now(),
  });
}

async function relay(what: { call: Call; from: InstanceAnswer; to: Answer; elapsed: () => number }): Promise<Relayed> {
  const { call, from } = what;
  if (from.status !== 200) {
    return { failure: failureOfStatus(from.status, await readBytes(from.stream, MAX_ERROR_BYTES)) };
  }
  return call.prepared.cord.stream ? relayStream(what) : relayWhole(what);
}

/** Whatever breaks after the client has left is not the instance's fault. */
function asAbort(error: unknown, signal: AbortSignal): unknown {
  return signal.aborted ? new AppError("aborted", "the client left", { cause: error }) : error;
}

function reportedBy({ headers }: InstanceAnswer): Reported {
  return {
    connections: numberIn(headers[HEADER.connUsed]),
    utilization: numberIn(headers[HEADER.connUtilization]),
  };
}

function numberIn(text: string | string[] | undefined): number | undefined {
  const value = typeof text === "string" && text !== "" ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}
