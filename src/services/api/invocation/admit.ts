import { holds, PERMISSION } from "../../../domain/accounts/account.js";
import { quotaExceeded } from "../../../domain/invocations/admission.js";
import type { Verdict } from "../../../domain/invocations/target-store.js";
import { AppError } from "../../../kernel/errors.js";
import type { Call } from "./call.js";
import type { Headers } from "./http-answer.js";

type Asked = Pick<Call, "caller" | "plan" | "chute">;

/** Why a call is not let in; undefined when it is. @see protocol 04 §3.1 */
export function refusalOf(verdict: Verdict, { caller, plan }: Asked, now: Date): AppError | undefined {
  switch (verdict.kind) {
    case "maintenance":
      return new AppError("rate_limited", "This model is under maintenance, try again later.");
    case "quota":
      return quotaExceeded(plan.request.quota?.limit ?? 0, caller.paymentAddress, now);
    case "rate": {
      const seconds = Math.max(1, Math.ceil(verdict.retryAfterMs / 1000));
      return new AppError("rate_limited", "Too many requests", { headers: { "retry-after": String(seconds) } });
    }
    case "chosen":
    case "open":
    case "overload":
      return undefined;
  }
}

/** What clients may know about their limits. @see protocol 04 §8.4 */
export function limitHeaders(verdict: Verdict, { caller, plan }: Asked): Headers {
  return {
    ...quotaHeaders(plan.request.quota?.limit, "quotaUsed" in verdict ? verdict.quotaUsed : 0),
    "X-Chutes-RL-User": plan.rateLimit === null ? "inf" : String(plan.rateLimit),
    ...(holds(caller, PERMISSION.invoiceBilling) && { "X-Chutes-Invoice-Billing": "true" }),
  };
}

function quotaHeaders(limit: number | undefined, used: number): Headers {
  if (limit === undefined) return {};
  return {
    "X-Chutes-Quota-Total": String(Math.trunc(limit)),
    "X-Chutes-Quota-Used": String(Math.trunc(used)),
    "X-Chutes-Quota-Remaining": String(Math.max(0, Math.trunc(limit - used))),
  };
}
