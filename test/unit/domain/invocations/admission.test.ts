import { expect, test } from "vitest";
import { type Account, PERMISSION } from "../../../../src/domain/accounts/account.js";
import type { Chute } from "../../../../src/domain/chutes/chute.js";
import {
  type CallFacts,
  isOpenTo,
  paysFromBalance,
  planAdmission,
  quotaExceeded,
} from "../../../../src/domain/invocations/admission.js";

const SETTINGS = {
  platformUsername: "chutes",
  defaultQuotas: new Map([
    ["*", 200],
    ["c2", 7],
  ]),
  rateLimitCount: 60,
  rateLimitWindowSeconds: 60,
};
const CHUTE = { chuteId: "c1", userId: "owner", ownerUsername: "dev", public: true, discount: 0 } as Chute;
const CALLER = { userId: "u1", username: "alice", permissions: 0 } as Account;

function plan(changes: {
  chute?: Partial<Chute>;
  caller?: Partial<Account>;
  balance?: bigint;
  ownerBalance?: bigint;
  quotas?: [string, number][];
  limits?: [string, number][];
}) {
  const facts: CallFacts = {
    chute: { ...CHUTE, ...changes.chute },
    caller: { ...CALLER, ...changes.caller },
    balanceMicroUsd: changes.balance ?? 0n,
    ownerBalanceMicroUsd: changes.ownerBalance ?? 1n,
    rules: {
      quotas: new Map(changes.quotas),
      rateLimits: new Map(changes.limits),
      discounts: new Map(),
      priceOverrides: new Map(),
    },
  };
  return planAdmission(facts, SETTINGS);
}

test("04 §3.4: the quota is the chute's own, else the user's, else the default", () => {
  expect(plan({}).request.quota).toEqual({ limit: 200, scope: "__default__", isPaying: false });
  expect(plan({ quotas: [["*", 5]] }).request.quota).toMatchObject({ limit: 5, scope: "__default__" });
  const own = {
    quotas: [
      ["*", 5],
      ["c1", 0],
    ] as [string, number][],
    balance: 1n,
  };
  expect(plan(own).request.quota).toEqual({ limit: 0, scope: "c1", isPaying: true });
});

test("01 §9.2: a default for the chute counts on its own, and gives way to anything set for the user", () => {
  const chute = { chuteId: "c2" };
  expect(plan({ chute }).request.quota).toMatchObject({ limit: 7, scope: "c2" });
  expect(plan({ chute, quotas: [["*", 0]] }).request.quota).toMatchObject({ limit: 0, scope: "__default__" });
});

test.each([
  { what: "a free chute", chute: { discount: 1 }, isFree: true },
  { what: "a free account", caller: { permissions: PERMISSION.freeAccount }, isFree: false },
  { what: "an invoiced account", caller: { permissions: PERMISSION.invoiceBilling }, isFree: false },
  { what: "a private chute", chute: { public: false }, isFree: true },
])("04 §3.4: no quota is asked for $what", ({ what: _, isFree, ...changes }) => {
  expect(plan(changes)).toMatchObject({ isFree });
  expect(plan(changes).request).not.toHaveProperty("quota");
});

test("04 §3.4: a private chute needs an owner who can pay, the platform's own does not", () => {
  const isPrivate = { chute: { public: false }, ownerBalance: 0n };
  expect(() => plan(isPrivate)).toThrow(expect.objectContaining({ kind: "payment_required" }));
  expect(plan({ chute: { public: false, ownerUsername: "chutes" }, ownerBalance: 0n })).toMatchObject({
    isFree: false,
    isPrivateBilled: false,
  });
});

test("04 §3.5: the rate limit is the chute's own, else the user's, else the default", () => {
  expect(plan({}).request.rateLimit).toEqual({ scope: "invoke", limit: 60, windowSeconds: 60 });
  expect(plan({ limits: [["*", 9]] }).rateLimit).toBe(9);
  expect(
    plan({
      limits: [
        ["*", 9],
        ["c1", 3],
      ],
    }).request.rateLimit,
  ).toMatchObject({ scope: "invoke:c1", limit: 3 });
});

test.each([
  { what: "unlimited accounts", caller: { permissions: PERMISSION.unlimited } },
  { what: "the platform's own account", caller: { username: "chutes" } },
  { what: "private chutes", chute: { public: false } },
  { what: "a limit of zero", limits: [["*", 0]] as [string, number][] },
])("04 §3.5: no rate limit for $what", ({ what: _, ...changes }) => {
  expect(plan(changes).rateLimit).toBeNull();
});

test("04 §3.4: an empty balance is told when the quota returns", () => {
  const error = quotaExceeded(2, "5Pay", new Date("2025-10-01T23:59:59.999Z"));
  expect(error.kind).toBe("payment_required");
  expect(error.detail).toEqual({
    message: expect.stringContaining("5Pay"),
    quota_reset_timestamp: "2025-10-02T00:00:00+00:00",
  });
  expect(quotaExceeded(0, "5Pay", new Date()).detail).not.toHaveProperty("quota_reset_timestamp");
});

test("04 §3.2: public chutes are open to all, others to their owner", () => {
  expect(isOpenTo(CHUTE, CALLER)).toBe(true);
  expect(isOpenTo({ ...CHUTE, public: false }, CALLER)).toBe(false);
  expect(isOpenTo({ ...CHUTE, public: false }, { userId: "owner" })).toBe(true);
});

test("04 §10.7: free accounts do not pay, unless they are invoiced", () => {
  const both = PERMISSION.freeAccount | PERMISSION.invoiceBilling;
  expect(
    [0, PERMISSION.freeAccount, PERMISSION.invoiceBilling, both].map((permissions) => paysFromBalance({ permissions })),
  ).toEqual([true, false, true, true]);
});
