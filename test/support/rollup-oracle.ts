import fc from "fast-check";
import type { SettledAttempt } from "../../src/domain/invocations/settled-attempt.js";
import type { InvocationMetrics } from "../../src/wire/metrics.js";
import { attemptOf } from "./invocation-rows.js";

const HOUR_MS = 3_600_000;

interface Drawn {
  readonly agoHours: number;
  readonly chute: number;
  readonly instance: number;
  readonly seconds: number;
  readonly kind: "stream" | "plain" | "image" | "other" | "full" | "broken";
  readonly rate: number | undefined;
}

const MISSED = { full: "RATE_LIMIT", broken: "INSTANCE_ERROR" } as const;

/** Attempts of all kinds within the last days before `now` and around the age at which hours are not kept any more. */
export function anyAttempt(now: Date): fc.Arbitrary<SettledAttempt> {
  const recent = fc.integer({ min: 0, max: 60 });
  return fc
    .record<Drawn>({
      agoHours: fc.oneof(recent, fc.integer({ min: 190, max: 260 })).map((hours) => hours + 0.25),
      chute: fc.integer({ min: 0, max: 2 }),
      instance: fc.integer({ min: 0, max: 1 }),
      seconds: fc.integer({ min: 1, max: 6000 }),
      kind: fc.constantFrom("stream", "plain", "image", "other", "full", "broken"),
      rate: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
    })
    .map((drawn) => attemptOfDrawn(drawn, now));
}

function attemptOfDrawn(drawn: Drawn, now: Date): SettledAttempt {
  const { kind, seconds, chute, instance } = drawn;
  const startedAt = new Date(now.getTime() - drawn.agoHours * HOUR_MS);
  const errorMessage = kind === "full" || kind === "broken" ? MISSED[kind] : null;
  return attemptOf("nobody", {
    chuteId: `c${chute}`,
    instanceId: `i${chute}${instance}`,
    startedAt,
    completedAt: new Date(startedAt.getTime() + seconds * 1000),
    errorMessage,
    metrics: metricsOf(drawn),
    amountMicroUsd: errorMessage === null ? BigInt(seconds) : 0n,
    isCharged: seconds % 2 === 0,
  });
}

/** Fractions of 1/64 add up exactly in any order. */
function metricsOf({ kind, seconds, rate }: Drawn): InvocationMetrics | null {
  switch (kind) {
    case "full":
    case "broken":
      return null;
    case "other":
      return { b: 0 };
    case "image":
      return { steps: seconds % 50, sps: (seconds % 64) / 64, b: 0 };
    default: {
      const averages = rate === undefined ? {} : { ptps: 1, otps: rate / 64 };
      const counts = { it: seconds, ot: seconds % 300, ct: seconds % 7, tps: seconds % 9 };
      return { ...counts, ttft: kind === "plain" ? null : 0.25, ...averages };
    }
  }
}

/** Sums by name. */
type Sums = Record<string, number>;

/** What the days must say, counted by hand, by `day chute`. */
export function expectedDays(attempts: readonly SettledAttempt[]): Map<string, Sums> {
  return addUp(attempts, (attempt) => {
    const { startedAt, completedAt, errorMessage, metrics, isCharged, amountMicroUsd } = attempt;
    const seconds = (completedAt.getTime() - startedAt.getTime()) / 1000;
    const isDone = errorMessage === null;
    const { it, ot, ct, tps, ttft, otps, steps, sps } = (isDone ? metrics : null) ?? {};
    const restSeconds = seconds - (ttft ?? seconds);
    const speed = otps ?? (restSeconds > 0 ? (ot ?? 0) / restSeconds : undefined);
    return {
      at: startedAt,
      sums: {
        requests: 1,
        successes: Number(isDone),
        errors: Number(errorMessage === MISSED.broken),
        rate_limits: Number(errorMessage === MISSED.full),
        busy_seconds: isDone ? seconds : 0,
        amount_micro_usd: isCharged ? Number(amountMicroUsd) : 0,
        llm_requests: Number(it !== undefined),
        ...total("input_tokens", it),
        ...total("output_tokens", ot),
        ...total("cached_tokens", ct),
        ...mean("tps", tps),
        ...mean("otps", speed),
        ...mean("ttft", ttft ?? undefined),
        step_requests: Number(steps !== undefined),
        ...total("steps", steps),
        ...mean("sps", sps),
      },
    };
  });
}

/** What the days of usage must say, by `day chute`. */
export function expectedUsage(attempts: readonly SettledAttempt[]): Map<string, Sums> {
  const done = attempts.filter(({ errorMessage }) => errorMessage === null);
  return addUp(done, ({ completedAt, amountMicroUsd }) => ({
    at: completedAt,
    sums: { amount_micro_usd: Number(amountMicroUsd), count: 1 },
  }));
}

function total(name: string, value: number | undefined): Sums {
  return { [name]: value ?? 0 };
}

function mean(name: string, value: number | undefined): Sums {
  return { [`${name}_sum`]: value ?? 0, [`${name}_count`]: Number(value !== undefined) };
}

function addUp(
  attempts: readonly SettledAttempt[],
  partOf: (attempt: SettledAttempt) => { readonly at: Date; readonly sums: Sums },
): Map<string, Sums> {
  const days = new Map<string, Sums>();
  for (const attempt of attempts) {
    const { at, sums } = partOf(attempt);
    const key = `${at.toISOString().slice(0, 10)} ${attempt.chuteId}`;
    const old = days.get(key) ?? {};
    days.set(key, Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, (old[name] ?? 0) + value])));
  }
  return days;
}

/** Stored days in the same form: columns of numbers by `day chute`. */
export function asSums(rows: readonly Record<string, unknown>[]): Map<string, Sums> {
  return new Map(
    rows.map(({ day, chute_id: chuteId, ...sums }) => [`${String(day)} ${String(chuteId)}`, numbersOf(sums)]),
  );
}

function numbersOf(sums: Record<string, unknown>): Sums {
  return Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, Number(value)]));
}

/** Sums of fractions depend on the order of addition in their last digits, which are cut off here. */
export function rounded(days: ReadonlyMap<string, Sums>): Record<string, Sums> {
  const cut = (sums: Sums) =>
    Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, Math.round(value * 1e6) / 1e6]));
  return Object.fromEntries([...days].map(([key, sums]) => [key, cut(sums)]));
}
