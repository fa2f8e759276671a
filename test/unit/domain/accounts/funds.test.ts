import { expect, test } from "vitest";
import { PERMISSION } from "../../../../src/domain/accounts/account.js";
import { effectiveBalanceOf, isOutdated } from "../../../../src/domain/accounts/funds.js";

const START = new Date("2026-01-07T10:00:00Z");
const after = (seconds: number) => new Date(START.getTime() + seconds * 1000);
const running = (hourlyRateUsd: number, stopAfter: number) => ({
  chuteId: "c",
  activatedAt: START,
  stopBillingAt: after(stopAfter),
  hourlyRateUsd,
});
const PAYING = { permissions: 0 };

test("each running instance costs its rate from activation on", () => {
  const funds = { balanceMicroUsd: 5_000_000n, running: [running(3.6, 7200), running(7.2, 7200)] };
  expect(effectiveBalanceOf(PAYING, funds, START)).toBe(5_000_000n);
  expect(effectiveBalanceOf(PAYING, funds, after(1))).toBe(4_997_000n);
  expect(effectiveBalanceOf(PAYING, funds, after(3600))).toBe(-5_800_000n);
});

test("free accounts pay nothing, and what is stopped costs nothing any more", () => {
  const funds = { balanceMicroUsd: 5_000_000n, running: [running(3.6, 60)] };
  expect(effectiveBalanceOf({ permissions: PERMISSION.freeAccount }, funds, after(30))).toBe(5_000_000n);
  expect(effectiveBalanceOf(PAYING, funds, after(60))).toBe(5_000_000n);
});

test("funds are outdated once an instance's end has come", () => {
  const funds = { balanceMicroUsd: 0n, running: [running(1, 60)] };
  expect([isOutdated(funds, after(59)), isOutdated(funds, after(60))]).toEqual([false, true]);
});
