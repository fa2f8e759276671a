import { expect, test } from "vitest";
import { seriesOf, sinceOf, totalsByChute } from "../../../web/plots/usage-series.js";

const NOW = new Date("2026-03-02T10:20:30Z");

const row = (hour: string, calls: number, chuteId?: string) => ({
  hour: new Date(hour),
  calls,
  amountUsd: calls / 100,
  chuteId,
});

test("hours without calls are zero, and the running hour is the last", () => {
  const { steps, totalCalls, totalUsd } = seriesOf(
    [row("2026-03-02T10:00:00Z", 3), row("2026-03-02T08:00:00Z", 4)],
    "hours",
    NOW,
  );
  expect(steps).toHaveLength(48);
  expect(steps.slice(-3).map(({ calls }) => calls)).toEqual([4, 0, 3]);
  expect(steps.at(-1)?.start).toEqual(new Date("2026-03-02T10:00:00Z"));
  expect([totalCalls, totalUsd]).toEqual([7, 0.07]);
});

test("the hours of a UTC day are added up; what is older than the span is left out", () => {
  const rows = [
    row("2026-03-02T00:00:00Z", 1),
    row("2026-03-01T23:00:00Z", 2),
    row("2026-03-01T00:00:00Z", 4),
    row("2026-01-31T23:00:00Z", 8),
  ];
  const { steps, totalCalls } = seriesOf(rows, "days", NOW);
  expect(steps).toHaveLength(30);
  expect(steps.slice(-2).map(({ calls }) => calls)).toEqual([6, 1]);
  expect(totalCalls).toBe(7);
});

test("a span starts with its first step", () => {
  expect(sinceOf("hours", NOW)).toEqual(new Date("2026-02-28T11:00:00Z"));
  expect(sinceOf("days", NOW)).toEqual(new Date("2026-02-01T00:00:00Z"));
});

test("chutes are listed by their calls", () => {
  const rows = [
    row("2026-03-02T10:00:00Z", 1, "a"),
    row("2026-03-02T10:00:00Z", 5, "b"),
    row("2026-03-02T09:00:00Z", 3, "a"),
  ];
  expect(totalsByChute(rows).map(({ chuteId, calls }) => [chuteId, calls])).toEqual([
    ["b", 5],
    ["a", 4],
  ]);
});
