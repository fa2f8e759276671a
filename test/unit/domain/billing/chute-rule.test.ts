import { expect, test } from "vitest";
import { ruleFor } from "../../../../src/domain/billing/chute-rule.js";

const defaults = new Map([
  ["*", 200],
  ["c2", 7],
]);

test.each([
  { what: "the user's for the chute", own: { "*": 5, c1: 0 }, chute: "c1", value: 0, isOfChute: true },
  { what: "the user's for all", own: { "*": 5 }, chute: "c2", value: 5, isOfChute: false },
  { what: "the operator's for the chute", own: { c1: 1 }, chute: "c2", value: 7, isOfChute: true },
  { what: "the operator's for all", own: {}, chute: "c1", value: 200, isOfChute: false },
])("01 §9.2: a rule is $what", ({ own, chute, value, isOfChute }) => {
  const sources = { own: new Map(Object.entries(own)), defaults, otherwise: 9 };
  expect(ruleFor(chute, sources)).toEqual({ value, isOfChute });
});

test("01 §9.4: the last resort is used when nobody set anything", () => {
  expect(ruleFor("c1", { own: new Map(), defaults: new Map([["c2", 1]]), otherwise: 0 })).toEqual({
    value: 0,
    isOfChute: false,
  });
});
