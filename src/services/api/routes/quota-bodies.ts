import { MOST_ENTITLEMENTS, type NewQuota } from "../../../domain/billing/entitlement-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { requireChuteKey } from "../billing-admin.js";

const MOST_CALLS = 2_147_483_647;
const DAY_MS = 86_400_000;
const OLDEST_DAYS = 31;
/** A date and a time with their zone. */
const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * The map of quotas that an administrator sent: whole numbers, or objects with a number and a date.
 * @throws AppError `invalid` for any other value, and for a key that names no chute
 * @see protocol 01 §8, §20
 */
export function quotasIn(body: Readonly<Record<string, unknown>>, now: Date): ReadonlyMap<string, NewQuota> {
  return new Map(
    entriesOf(body).map(([key, value]) => {
      const given = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : { quota: value };
      const effectiveDate =
        given["effective_date"] === undefined ? null : effectiveDateOf(given["effective_date"], now);
      return [key, { quota: quotaOf(given["quota"]), effectiveDate }];
    }),
  );
}

function quotaOf(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST_CALLS) return value;
  throw new AppError("invalid", `A quota must be a whole number from 0 to ${MOST_CALLS}.`);
}

/**
 * The map of discounts that an administrator sent.
 * @throws AppError `invalid` for anything that is not strictly between 0 and 1, and for a key that names no chute
 * @see protocol 01 §8, §20
 */
export function discountsIn(body: Readonly<Record<string, unknown>>): ReadonlyMap<string, number> {
  return new Map(
    entriesOf(body).map(([key, value]) => {
      if (typeof value === "number" && value > 0 && value < 1) return [key, value];
      throw new AppError("invalid", "A discount must be a number between 0 and 1, both excluded.");
    }),
  );
}

function entriesOf(body: Readonly<Record<string, unknown>>): [string, unknown][] {
  const entries = Object.entries(body);
  if (entries.length > MOST_ENTITLEMENTS)
    throw new AppError("invalid", `No more than ${MOST_ENTITLEMENTS} chutes can be set.`);
  for (const [key] of entries) requireChuteKey(key);
  return entries;
}

/**
 * When a quota begins to count; a time to come means now.
 * @throws AppError `invalid` for a time without zone, or one more than 31 days ago
 * @see protocol 01 §8
 */
export function effectiveDateOf(value: unknown, now: Date): Date | null {
  if (value === null) return null;
  const at = typeof value === "string" && INSTANT.test(value) ? new Date(value.replace(" ", "T")) : undefined;
  if (at === undefined || Number.isNaN(at.getTime()))
    throw new AppError("invalid", "effective_date must be an ISO time with its zone, or null.");
  if (now.getTime() - at.getTime() > OLDEST_DAYS * DAY_MS)
    throw new AppError("invalid", `effective_date must not be more than ${OLDEST_DAYS} days ago.`);
  return at > now ? now : at;
}
