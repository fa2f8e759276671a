import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { FastifyRequest } from "fastify";
import type { Chute } from "../../../domain/chutes/chute.js";
import { isUnbilled, planAdmission } from "../../../domain/invocations/admission.js";
import type { Verdict } from "../../../domain/invocations/target-store.js";
import { AppError } from "../../../kernel/errors.js";
import { sha256Hex } from "../../../wire/hashes.js";
import { HEADER } from "../../../wire/headers.js";
import { type AuthDeps, authenticate, checkHeaders } from "../auth-hook.js";
import { openReplayGuard } from "../auth-replay.js";
import type { DefaultRules } from "../default-rules.js";
import type { Directory } from "../directory/directory.js";
import { type Destination, pathOf, queryOf } from "../host-routing.js";
import { limitHeaders } from "./admit.js";
import type { Answer } from "./answer.js";
import type { Call } from "./call.js";
import { requireAdmission } from "./choose-target.js";
import { wakeChute } from "./cold-chute.js";
import type { GatewayMemory } from "./gateway-memory.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import { sendJson } from "./http-answer.js";
import { readBody } from "./intake.js";
import type { LoadGauges } from "./load-gauges.js";
import { PlainAnswer } from "./plain-answer.js";
import { type ClientRequest, type Preparation, parseAggregateBody, prepare } from "./prepare.js";
import { termsOf } from "./pricing.js";
import { type Caller, requireAccess, resolveModel, unknownChute } from "./resolve-chute.js";
import { type AttemptsDeps, runAttempts } from "./run-attempts.js";
import type { Spending } from "./spending.js";
import { TraceAnswer } from "./trace-answer.js";

export interface GatewayDeps extends AuthDeps, AttemptsDeps {
  readonly config: AuthDeps["config"];
  readonly now: () => Date;
  readonly log: AuthDeps["log"];
  readonly directory: Directory;
  readonly memory: GatewayMemory;
  readonly spending: Spending;
  readonly defaultRules: DefaultRules;
  readonly metrics: GatewayMetrics;
  readonly gauges: LoadGauges;
}

/** Where a request goes that names a chute, one way or the other. */
export type InvocationDestination = Extract<Destination, { kind: "aggregate" | "chute" | "chute-path" }>;

interface Incoming {
  readonly request: FastifyRequest;
  readonly response: ServerResponse;
  readonly destination: InvocationDestination;
}

/** A request whose chute is known and may be called. */
interface Resolved {
  readonly chute: Chute;
  readonly caller: Caller;
  readonly preparation: Preparation;
}

/**
 * Serves one invocation from its first byte to its last.
 * @throws AppError when it is refused before an instance was asked
 * @see protocol 04 §3
 */
export async function invoke(deps: GatewayDeps, incoming: Incoming): Promise<void> {
  const { request, response, destination } = incoming;
  if (destination.kind === "chute-path" && !hasCredential(request)) throw new AppError("not_found", "Not Found");
  checkHeaders(request, {}, deps.now);
  request.rawBody = await readBody(request.raw, deps.config.gateway.maxBodyBytes);
  const { chute, caller, preparation } = await resolve(deps, incoming);
  if (chute.disabled) throw new AppError("unavailable", "This chute is disabled.");
  if (lacksTee(chute, request)) {
    sendJson(response, 426, { body: { detail: "This chute does not run in a trusted execution environment." } });
    return;
  }
  const { plan, terms } = await planFor(deps, chute, caller);
  const asked = { chute, caller: caller.account, plan };
  if ("refusal" in preparation) {
    await requireAdmission(deps, asked);
    throw preparation.refusal;
  }
  const targets = await deps.memory.instancesOf(chute.chuteId);
  if (targets.length === 0) {
    await requireAdmission(deps, asked);
    throw await wakeChute(deps, chute);
  }
  const call: Call = {
    ...asked,
    terms,
    parentId: randomUUID(),
    prepared: preparation.prepared,
    bodySha256: sha256Hex(request.rawBody),
    startedAt: deps.now(),
    signal: whenGone(response),
  };
  const isTraced = preparation.isSdkCall || wantsTrace(request);
  const makeAnswer = (verdict: Verdict): Answer => {
    if ("meanConnections" in verdict) deps.gauges.note(chute, verdict.meanConnections);
    const headers = { [HEADER.invocationId]: call.parentId, ...limitHeaders(verdict, asked) };
    return isTraced ? traceAnswer(deps, call, { response, headers }) : new PlainAnswer(response, headers);
  };
  const refusal = await runAttempts(deps, call, { targets, makeAnswer });
  const labels = { chute_id: chute.chuteId };
  if (refusal === undefined) deps.metrics.completed.inc(labels);
  else if (refusal.status === 429) deps.metrics.rateLimited.inc(labels);
}

async function resolve(deps: GatewayDeps, { request, destination }: Incoming): Promise<Resolved> {
  const caller = await authenticated(deps, request);
  const { platformUsername } = deps.config;
  const access = { directory: deps.directory, platformUsername };
  const said = clientRequest(request, destination);
  if (destination.kind === "aggregate") {
    const known = parseAggregateBody(said, request.headers["x-enable-thinking"]?.toString().toLowerCase() === "true");
    const chute = await resolveModel(access, caller, { template: destination.template, model: known["model"] });
    return { chute, caller, preparation: prepare(chute, said, { known, mayBeSdkCall: false }) };
  }
  const isPath = destination.kind === "chute-path";
  const chute = isPath ? await deps.directory.chuteById(destination.chuteId) : destination.chute;
  if (chute === undefined) throw unknownChute();
  await requireAccess(access, caller, chute);
  return { chute, caller, preparation: prepare(chute, said, { mayBeSdkCall: isPath }) };
}

function clientRequest(request: FastifyRequest, destination: InvocationDestination): ClientRequest {
  const url = request.raw.url ?? "/";
  return {
    method: request.method,
    path: destination.kind === "aggregate" ? pathOf(url) : destination.path,
    query: queryOf(url),
    body: request.rawBody,
  };
}

async function authenticated(deps: GatewayDeps, request: FastifyRequest): Promise<Caller> {
  const { account, apiKey, hotkey } = await authenticate(deps, request, {});
  if (account === undefined) throw new AppError("unauthorized", "Authentication required.");
  if (hotkey !== undefined) await openReplayGuard(deps.redis).claim(request);
  return apiKey === undefined ? { account } : { account, apiKey };
}

/** Private chutes must not be found by trying ids. @see protocol 04 §1.3 */
function hasCredential({ headers }: FastifyRequest): boolean {
  const isSigned = [HEADER.hotkey, HEADER.signature, HEADER.nonce].every((name) => Boolean(headers[name]));
  return isSigned || Boolean(headers.authorization?.trim());
}

function lacksTee(chute: Chute, { headers }: FastifyRequest): boolean {
  return headers["x-tee-only"]?.toString().toLowerCase() === "true" && !chute.tee;
}

async function planFor(deps: GatewayDeps, chute: Chute, { account }: Caller) {
  const { platformUsername, gateway } = deps.config;
  const [owner, rules, globalPrice] = await Promise.all([
    chute.public ? undefined : deps.directory.accountById(chute.userId),
    deps.memory.rulesOf(account.userId),
    deps.memory.globalPriceOf(chute.chuteId),
  ]);
  const facts = {
    chute,
    caller: account,
    balanceMicroUsd: deps.spending.balanceOf(account),
    ownerBalanceMicroUsd: owner === undefined ? 0n : deps.spending.balanceOf(owner),
    isOwnerUnbilled: owner !== undefined && isUnbilled(owner),
    rules,
  };
  const { quotas, discounts } = deps.defaultRules;
  const plan = planAdmission(facts, {
    platformUsername,
    defaultQuotas: quotas,
    rateLimitCount: gateway.rateLimitCount,
    rateLimitWindowSeconds: gateway.rateLimitWindowSeconds,
  });
  return { plan, terms: termsOf(chute.chuteId, rules, { price: globalPrice, discounts }) };
}

function wantsTrace({ headers }: FastifyRequest): boolean {
  return headers[HEADER.trace]?.toString().toLowerCase() === "true";
}

function traceAnswer(
  { now }: GatewayDeps,
  { parentId, chute, prepared }: Call,
  { response, headers }: { response: ServerResponse; headers: Record<string, string> },
): TraceAnswer {
  const call = { invocationId: parentId, chuteId: chute.chuteId, functionName: prepared.cord.function };
  return new TraceAnswer(response, { call, headers, now });
}

/** Aborted when the client leaves before its answer is complete. */
function whenGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) controller.abort();
  response.once("close", () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
