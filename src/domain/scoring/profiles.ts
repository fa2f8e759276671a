/** Names of the scoring rules this package knows. @see protocol 07 §3 */
export type ProfileName = "instance-lifetime" | "invocations-2025-10" | "invocations-2025-02";

/** Share of each sum in the final score; they add up to 1. */
interface ScoringWeights {
  readonly computeUnits: number;
  readonly invocationCount: number;
  readonly uniqueChutes: number;
  readonly bounties: number;
}

/** One version of the scoring rule: data, so that a change of the formula is a new entry and never an edit. */
export interface ScoringProfile {
  readonly name: ProfileName;
  /** Day the rule took effect, ISO date. */
  readonly effectiveFrom: string;
  readonly basis: "instances" | "invocations";
  readonly weights: ScoringWeights;
  /** Rows of miners with a smaller uid are ignored. */
  readonly lowestUid: number;
}

/** The rules by name. @see protocol 07 §3 (constants over time) */
export const SCORING_PROFILES: Readonly<Record<ProfileName, ScoringProfile>> = {
  "invocations-2025-02": {
    name: "invocations-2025-02",
    effectiveFrom: "2025-02-01",
    basis: "invocations",
    weights: { computeUnits: 0.35, invocationCount: 0.3, uniqueChutes: 0.25, bounties: 0.1 },
    // This rule never counted uid 0; the quirk is part of it, or its published results could not be reproduced.
    lowestUid: 1,
  },
  "invocations-2025-10": {
    name: "invocations-2025-10",
    effectiveFrom: "2025-09-10",
    basis: "invocations",
    weights: { computeUnits: 0.52, invocationCount: 0.2, uniqueChutes: 0.2, bounties: 0.08 },
    lowestUid: 0,
  },
  "instance-lifetime": {
    name: "instance-lifetime",
    effectiveFrom: "2026-01-01",
    basis: "instances",
    weights: { computeUnits: 1, invocationCount: 0, uniqueChutes: 0, bounties: 0 },
    lowestUid: 0,
  },
};

/** True for a name of a known rule. */
export function isProfileName(text: string): text is ProfileName {
  return Object.hasOwn(SCORING_PROFILES, text);
}
