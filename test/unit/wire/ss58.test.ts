import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeSs58, encodeSs58 } from "../../../src/wire/ss58.js";

const publicKey = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((key) => key.some((byte) => byte !== 0));
const ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

test("every key survives its address", () => {
  fc.assert(
    fc.property(publicKey, (key) => {
      const address = encodeSs58(key);
      expect(address).toMatch(/^5[1-9A-HJ-NP-Za-km-z]{46,47}$/);
      expect(decodeSs58(address)).toEqual(key);
    }),
  );
});

test("an address with any one letter changed is no address", () => {
  for (let at = 0; at < ALICE.length; at++) {
    const letter = ALICE[at] === "2" ? "3" : "2";
    expect(decodeSs58(ALICE.slice(0, at) + letter + ALICE.slice(at + 1))).toBeUndefined();
  }
});

test("no other text decodes, and none throws", () => {
  fc.assert(fc.property(fc.string(), (text) => decodeSs58(text) === undefined));
  for (const text of [` ${ALICE}`, `${ALICE}\n`, `1${ALICE}`, ALICE.toLowerCase(), "5".repeat(48), "5".repeat(1e6)]) {
    expect(decodeSs58(text)).toBeUndefined();
  }
});

test("a key of another length has no address", () => {
  expect(() => encodeSs58(new Uint8Array(33))).toThrow(RangeError);
});
