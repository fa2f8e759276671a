import { expect, test } from "vitest";
import { deriveSessionKey, newX25519, x25519FromPrivateHex } from "../../../src/wire/session-key.js";

const NONCE = "00112233445566778899aabbccddeeff";

test("both sides of fresh keys derive the same session key, a third party another", () => {
  const [miner, validator, stranger] = [newX25519(), newX25519(), newX25519()];
  const salt = { minerPublicHex: miner.publicKeyHex, validatorPublicHex: validator.publicKeyHex, nonceHex: NONCE };
  const keyOf = (own: typeof miner, peer: typeof miner) =>
    deriveSessionKey({ privateKey: own.privateKey, peerPublicHex: peer.publicKeyHex, ...salt }).toString("hex");
  expect(keyOf(miner, validator)).toMatch(/^[0-9a-f]{64}$/);
  expect(keyOf(miner, validator)).toBe(keyOf(validator, miner));
  expect(keyOf(stranger, miner)).not.toBe(keyOf(validator, miner));
});

test("nonce and both public keys are part of the key", () => {
  const [miner, validator] = [newX25519(), newX25519()];
  const input = {
    privateKey: validator.privateKey,
    peerPublicHex: miner.publicKeyHex,
    minerPublicHex: miner.publicKeyHex,
    validatorPublicHex: validator.publicKeyHex,
    nonceHex: NONCE,
  };
  const key = deriveSessionKey(input);
  expect(deriveSessionKey({ ...input, nonceHex: NONCE.replace("00", "01") })).not.toEqual(key);
  expect(deriveSessionKey({ ...input, minerPublicHex: newX25519().publicKeyHex })).not.toEqual(key);
  expect(deriveSessionKey({ ...input, validatorPublicHex: newX25519().publicKeyHex })).not.toEqual(key);
});

test("malformed or useless peer input is invalid", () => {
  const own = newX25519();
  const good = {
    privateKey: own.privateKey,
    peerPublicHex: newX25519().publicKeyHex,
    minerPublicHex: newX25519().publicKeyHex,
    validatorPublicHex: own.publicKeyHex,
    nonceHex: NONCE,
  };
  const bad = [
    { peerPublicHex: "" },
    { peerPublicHex: "zz".repeat(32) },
    { peerPublicHex: "00".repeat(32) },
    { minerPublicHex: "aa" },
    { nonceHex: NONCE.slice(2) },
    { nonceHex: "not hex" },
  ];
  for (const change of bad) {
    expect(() => deriveSessionKey({ ...good, ...change })).toThrow(expect.objectContaining({ kind: "invalid" }));
  }
  expect(() => x25519FromPrivateHex("01")).toThrow(expect.objectContaining({ kind: "invalid" }));
});
