import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { sha256Hex } from "../../../src/wire/hashes.js";
import { signedHeaders, validatorHeaders } from "../../../src/wire/headers.js";
import {
  hotkeyMessage,
  isFreshNonce,
  validatorMessage,
  verifyHotkeyMessage,
} from "../../../src/wire/hotkey-signature.js";
import { initCrypto, keypairFromSeed } from "../../../src/wire/keypair.js";

const NOW = new Date("2026-01-07T14:00:00.900Z");
const SEED = "01".repeat(32);

beforeAll(initCrypto);

test("headers signed over a body verify against the hash of exactly those bytes", () => {
  const keypair = keypairFromSeed(SEED);
  const headers = signedHeaders(keypair, { body: '{"a":1}' }, NOW);
  const {
    "X-Chutes-Hotkey": hotkey = "",
    "X-Chutes-Nonce": nonce = "",
    "X-Chutes-Signature": signatureHex = "",
  } = headers;
  expect(nonce).toBe("1767794400");
  const verifies = (body: string) =>
    verifyHotkeyMessage({ hotkey, message: hotkeyMessage({ hotkey, nonce, third: sha256Hex(body) }), signatureHex });
  expect(verifies('{"a":1}')).toBe(true);
  expect(verifies('{"a": 1}')).toBe(false);
});

test("the validator's headers name the miner first in the message", () => {
  const keypair = keypairFromSeed(SEED);
  const miner = keypairFromSeed("02".repeat(32)).address;
  const headers = validatorHeaders(keypair, { miner, body: Uint8Array.of(1, 2) }, NOW);
  const message = validatorMessage({
    miner,
    validator: keypair.address,
    nonce: "1767794400",
    third: sha256Hex(Uint8Array.of(1, 2)),
  });
  expect(message.startsWith(`${miner}:${keypair.address}:`)).toBe(true);
  expect(
    verifyHotkeyMessage({ hotkey: keypair.address, message, signatureHex: headers["X-Chutes-Signature"] ?? "" }),
  ).toBe(true);
  expect(Object.keys(headers)).toEqual([
    "X-Chutes-Miner",
    "X-Chutes-Validator",
    "X-Chutes-Nonce",
    "X-Chutes-Signature",
  ]);
});

test("a signature may be upper case and carry one 0x", () => {
  const keypair = keypairFromSeed(SEED);
  const digits = Buffer.from(keypair.sign("m")).toString("hex");
  const verifies = (signatureHex: string) =>
    verifyHotkeyMessage({ hotkey: keypair.address, message: "m", signatureHex });
  for (const form of [digits, digits.toUpperCase(), `0x${digits}`, `0X${digits}`]) expect(verifies(form)).toBe(true);
  for (const form of [
    `0x0x${digits}`,
    ` ${digits}`,
    digits.slice(2),
    `${digits}00`,
    `${digits.slice(0, 64)} ${digits.slice(64)}`,
  ]) {
    expect(verifies(form)).toBe(false);
  }
});

test("malformed input is false, never an exception", () => {
  const hotkey = keypairFromSeed(SEED).address;
  const shaped = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString("hex"));
  fc.assert(
    fc.property(
      fc.oneof(fc.constant(hotkey), fc.string()),
      fc.string(),
      fc.oneof(shaped, fc.string()),
      (key, message, signatureHex) => verifyHotkeyMessage({ hotkey: key, message, signatureHex }) === false,
    ),
  );
});

test.each([
  "",
  "²",
  "1767794400.0",
  "-1767794400",
  "+1767794400",
  " 1767794400",
  "1767794400\n",
  "1e9",
  "0x1",
  "1".repeat(16),
  "NaN",
])("the nonce %j is refused", (nonce) => {
  expect(isFreshNonce(nonce, NOW)).toBe(false);
});

test("the window is strict and counts fractions of a second", () => {
  expect(isFreshNonce("1767793801", NOW)).toBe(true);
  expect(isFreshNonce("1767793800", NOW)).toBe(false);
  expect(isFreshNonce("1767795000", NOW)).toBe(true);
  expect(isFreshNonce("1767795001", NOW)).toBe(false);
  expect(isFreshNonce("1767794371", NOW, 30)).toBe(true);
  expect(isFreshNonce("1767794370", NOW, 30)).toBe(false);
});
