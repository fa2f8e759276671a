import { AppError } from "../../kernel/errors.js";

/** Where a launch stands. `failed` is final; `active` is served until the instance is deleted. @see protocol 05 §6.11 */
export type LaunchState = "issued" | "claimed" | "verified" | "active" | "failed";

/** What a container, or the platform, may try next. */
export type LaunchStep = "claim" | "verify" | "activate" | "fail";

type Refusal = readonly [kind: "unauthorized" | "invalid" | "forbidden" | "not_found", message: string];

const RETRIEVED: Refusal = ["unauthorized", "This launch config has already been retrieved"];
const VERIFIED: Refusal = ["invalid", "This launch config has already been verified"];
const FAILED: Refusal = ["forbidden", "This launch config has failed"];
const UNCLAIMED: Refusal = ["not_found", "This launch config has no instance yet"];
const UNVERIFIED: Refusal = ["forbidden", "This launch config has not been verified"];

const STEPS: Readonly<Record<LaunchState, Readonly<Record<LaunchStep, LaunchState | Refusal>>>> = {
  issued: { claim: "claimed", verify: UNCLAIMED, activate: UNVERIFIED, fail: "failed" },
  claimed: { claim: RETRIEVED, verify: "verified", activate: UNVERIFIED, fail: "failed" },
  verified: { claim: RETRIEVED, verify: VERIFIED, activate: "active", fail: "failed" },
  active: { claim: RETRIEVED, verify: VERIFIED, activate: "active", fail: "failed" },
  failed: { claim: RETRIEVED, verify: FAILED, activate: FAILED, fail: "failed" },
};

/** The recorded moments of a launch; state is never stored twice. */
export interface LaunchMoments {
  readonly retrievedAt: Date | null;
  readonly verifiedAt: Date | null;
  readonly failedAt: Date | null;
  /** When its instance became active. */
  readonly activatedAt: Date | null;
}

/** State that the recorded moments amount to. */
export function launchState(moments: LaunchMoments): LaunchState {
  if (moments.failedAt !== null) return "failed";
  if (moments.activatedAt !== null) return "active";
  if (moments.verifiedAt !== null) return "verified";
  return moments.retrievedAt === null ? "issued" : "claimed";
}

/**
 * State after a step. The database decides who takes it (one conditional statement); this says whether it may be tried, and what
 * the loser is told.
 * @throws AppError with the wire's answer to a step that the state does not allow
 * @see protocol 05 §6.4–§6.6
 */
export function stepFrom(state: LaunchState, step: LaunchStep): LaunchState {
  const next = STEPS[state][step];
  if (typeof next === "string") return next;
  throw new AppError(...next);
}
