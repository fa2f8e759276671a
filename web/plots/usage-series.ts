import type { UsageRow } from "../api/usage.js";

const HOUR_MS = 3_600_000;

/** How far a plot looks back, and in what steps. */
export const SPANS = {
  hours: { unit: "hour", steps: 48, stepMs: HOUR_MS, words: "48 hours" },
  days: { unit: "day", steps: 30, stepMs: 24 * HOUR_MS, words: "30 days" },
} as const;

export type Span = keyof typeof SPANS;

export interface UsageStep {
  readonly start: Date;
  readonly calls: number;
  readonly amountUsd: number;
}

export interface UsageSeries {
  readonly span: Span;
  /** Oldest first, without gaps. */
  readonly steps: readonly UsageStep[];
  readonly totalCalls: number;
  readonly totalUsd: number;
}

/** Start of the first step. */
export function sinceOf(span: Span, now: Date): Date {
  const { steps, stepMs } = SPANS[span];
  return new Date(floorTo(now.getTime(), stepMs) - (steps - 1) * stepMs);
}

/** Sums rows into the steps of a span; steps without rows are zero, rows outside are left out. */
export function seriesOf(rows: readonly UsageRow[], span: Span, now: Date): UsageSeries {
  const { steps: length, stepMs } = SPANS[span];
  const since = sinceOf(span, now).getTime();
  const sums = Array.from({ length }, () => ({ calls: 0, amountUsd: 0 }));
  for (const { hour, calls, amountUsd } of rows) {
    const sum = sums[Math.floor((hour.getTime() - since) / stepMs)];
    if (sum === undefined) continue;
    sum.calls += calls;
    sum.amountUsd += amountUsd;
  }
  return {
    span,
    steps: sums.map((sum, index) => ({ start: new Date(since + index * stepMs), ...sum })),
    totalCalls: sums.reduce((total, { calls }) => total + calls, 0),
    totalUsd: sums.reduce((total, { amountUsd }) => total + amountUsd, 0),
  };
}

export interface ChuteTotal {
  readonly chuteId: string;
  readonly calls: number;
  readonly amountUsd: number;
}

/** The most called first. */
export function totalsByChute(rows: readonly UsageRow[]): ChuteTotal[] {
  const totals = new Map<string, ChuteTotal>();
  for (const { chuteId = "", calls, amountUsd } of rows) {
    const before = totals.get(chuteId) ?? { chuteId, calls: 0, amountUsd: 0 };
    totals.set(chuteId, { chuteId, calls: before.calls + calls, amountUsd: before.amountUsd + amountUsd });
  }
  return [...totals.values()].sort((a, b) => b.calls - a.calls);
}

function floorTo(timeMs: number, stepMs: number): number {
  return Math.floor(timeMs / stepMs) * stepMs;
}
