import type { Account } from "../../../domain/accounts/account.js";
import type { CallerTerms } from "../../../domain/billing/price.js";
import type { Chute } from "../../../domain/chutes/chute.js";
import type { AdmissionPlan } from "../../../domain/invocations/admission.js";
import type { PreparedCall } from "../../../domain/invocations/prepared-call.js";

/** One request of a client, let in and ready to be tried on instances. */
export interface Call {
  /** What the client reads in `X-Chutes-InvocationID`; the parent of all attempts. */
  readonly parentId: string;
  readonly chute: Chute;
  readonly caller: Account;
  readonly prepared: PreparedCall;
  readonly plan: AdmissionPlan;
  readonly terms: CallerTerms;
  /** SHA-256 of the body as received, hex. */
  readonly bodySha256: string;
  readonly startedAt: Date;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}
