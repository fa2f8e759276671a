import type { ScoreSheet, ScoringInputs } from "./inputs.js";
import { scoreInstanceLifetime } from "./instance-lifetime.js";
import { scoreInvocations202502 } from "./invocations-2025-02.js";
import { scoreInvocations202510 } from "./invocations-2025-10.js";
import type { ProfileName } from "./profiles.js";

const RULES: Readonly<Record<ProfileName, (inputs: ScoringInputs) => ScoreSheet>> = {
  "instance-lifetime": scoreInstanceLifetime,
  "invocations-2025-10": scoreInvocations202510,
  "invocations-2025-02": scoreInvocations202502,
};

/** Scores every miner at one moment by the named rule. Pure: the same inputs give the same scores anywhere.
 *  @see protocol 07 §3 */
export function scoreMiners(profile: ProfileName, inputs: ScoringInputs): ScoreSheet {
  return RULES[profile](inputs);
}
