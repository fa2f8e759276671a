import fc from "fast-check";
import { expect, test } from "vitest";
import { initCrypto, keypairFromSeed, verifySr25519, wasmCrypto } from "../../../src/wire/keypair.js";
import { keypairFromMnemonic, newMnemonic } from "../../../src/wire/mnemonic.js";

const SEED = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";

test("using keys before the module has started is reported as the bug it is", () => {
  expect(() => keypairFromSeed(SEED)).toThrow("initCrypto() must be awaited");
  expect(() => wasmCrypto()).toThrow("initCrypto() must be awaited");
});

// Not a hook: the test above needs the state before it.
test("starting is idempotent", async () => {
  await Promise.all([initCrypto(), initCrypto()]);
  expect(initCrypto()).toBe(initCrypto());
});

test("a signature verifies for its message only, and signing twice gives different bytes", () => {
  const keypair = keypairFromSeed(`0x${SEED.toUpperCase()}`);
  const signature = keypair.sign("message");
  expect(signature).toHaveLength(64);
  expect(keypair.sign("message")).not.toEqual(signature);
  const { publicKey } = keypair;
  expect(verifySr25519({ message: Buffer.from("message"), signature, publicKey })).toBe(true);
  expect(verifySr25519({ message: "massage", signature, publicKey })).toBe(false);
});

test("text is signed as UTF-8", () => {
  const { publicKey, sign } = keypairFromSeed(SEED);
  expect(verifySr25519({ message: Buffer.from("héé", "utf8"), signature: sign("héé"), publicKey })).toBe(true);
});

test("verification never throws, whatever the bytes", () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 80 });
  const exact = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(
      fc.oneof(bytes, exact(64)),
      fc.oneof(bytes, exact(32)),
      fc.string(),
      (signature, publicKey, message) => {
        expect(verifySr25519({ message, signature, publicKey })).toBe(false);
      },
    ),
  );
  expect(
    verifySr25519({
      message: "still alive",
      signature: keypairFromSeed(SEED).sign("still alive"),
      publicKey: keypairFromSeed(SEED).publicKey,
    }),
  ).toBe(true);
});

test.each(["", "0x", SEED.slice(1), `${SEED}0`, `0x0x${SEED}`, SEED.replace("e", "g")])("%s is no seed", (seed) => {
  expect(() => keypairFromSeed(seed)).toThrow(expect.objectContaining({ kind: "invalid" }));
});

test("the secret is not a property of the key pair", () => {
  expect(JSON.stringify(keypairFromSeed(SEED))).not.toContain(SEED);
  expect(Object.keys(keypairFromSeed(SEED)).sort()).toEqual(["address", "publicKey", "sign"]);
});

test("a new mnemonic has 24 words and gives a usable key; other words do not", () => {
  const words = newMnemonic();
  expect(words.split(" ")).toHaveLength(24);
  expect(newMnemonic()).not.toBe(words);
  const { publicKey, sign } = keypairFromMnemonic(words);
  expect(verifySr25519({ message: "m", signature: sign("m"), publicKey })).toBe(true);
  expect(() => keypairFromMnemonic(words.replace(/\w+$/, "zzz"))).toThrow(expect.objectContaining({ kind: "invalid" }));
});
