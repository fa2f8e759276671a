import { expect, test } from "vitest";
import { loadConfig } from "../../../../src/kernel/config/load.js";
import { defaultRules } from "../../../../src/services/api/default-rules.js";
import { termsOf } from "../../../../src/services/api/invocation/pricing.js";

const rulesOf = (accounts: object) =>
  defaultRules(loadConfig({ env: {}, overrides: { environment: "dev", accounts } }));
const PRICE = { perRequest: 1, perMillionIn: null, perMillionOut: null, perStep: null };

test("01 §9: defaults are 200 calls a day and nothing off", () => {
  expect(rulesOf({})).toEqual({ quotas: new Map([["*", 200]]), discounts: new Map([["*", 0]]) });
});

test.each(['{"*":1.5}', '{"*":-0.1}', '{"*":"0.1"}', "0.1"])("discounts that are none are refused: %s", (text) => {
  expect(() => rulesOf({ defaultDiscounts: text })).toThrow(
    expect.objectContaining({ kind: "config", message: expect.stringContaining("defaultDiscounts") }),
  );
});

test("01 §9.4: terms are the user's own before everybody's", () => {
  const common = { price: PRICE, discounts: rulesOf({ defaultDiscounts: '{"*":0.1,"c2":0.3}' }).discounts };
  const nothing = { discounts: new Map(), priceOverrides: new Map() };
  expect(termsOf("c1", nothing, common)).toEqual({ override: PRICE, isOwnOverride: false, discount: 0.1 });
  expect(termsOf("c2", nothing, common).discount).toBe(0.3);
  const own = { discounts: new Map([["*", 0.2]]), priceOverrides: new Map([["c1", { ...PRICE, perRequest: 2 }]]) };
  expect(termsOf("c1", own, common)).toEqual({
    override: { ...PRICE, perRequest: 2 },
    isOwnOverride: true,
    discount: 0.2,
  });
  expect(termsOf("c2", own, { ...common, price: undefined })).toEqual({ isOwnOverride: false, discount: 0.2 });
});
