import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import {
  newCommitmentV4,
  parseCommitmentV4,
  signTlsCert,
  verifyTlsCertSignature,
} from "../../../src/wire/commitment.js";
import { publicHexOf } from "../../../src/wire/curve-keys.js";

const NONCE = "00112233445566778899aabbccddeeff";
const { privateKey } = generateKeyPairSync("ed25519");
const publicKeyHex = publicHexOf(privateKey);

test("a new commitment names its key, nonce and proof", () => {
  const hex = newCommitmentV4({ privateKey, nonceHex: NONCE, proofHex: "ab".repeat(32) });
  expect(hex).toMatch(/^0404[0-9a-f]{288}$/);
  expect(parseCommitmentV4(hex)).toEqual({ publicKey: publicKeyHex, nonce: NONCE, proof: "ab".repeat(32) });
  expect(parseCommitmentV4(hex.toUpperCase())).toBeDefined();
});

test("other versions and texts are no commitment", () => {
  const hex = newCommitmentV4({ privateKey, nonceHex: NONCE, proofHex: "ab".repeat(32) });
  for (const text of ["", "0404", hex.replace(/^04/, "03"), `${hex}00`, hex.replace(/..$/, "zz"), "00".repeat(146)]) {
    expect(parseCommitmentV4(text)).toBeUndefined();
  }
});

test("a certificate's signature binds PEM text, nonce and key", () => {
  const certPem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  const signatureHex = signTlsCert({ certPem, nonce: NONCE, privateKey });
  const good = { certPem, nonce: NONCE, signatureHex, publicKeyHex };
  expect(verifyTlsCertSignature(good)).toBe(true);
  const bad = [
    { certPem: certPem.trimEnd() },
    { nonce: NONCE.replace("00", "01") },
    { signatureHex: signatureHex.slice(2) },
    { signatureHex: "zz".repeat(64) },
    { publicKeyHex: publicHexOf(generateKeyPairSync("ed25519").publicKey) },
    { publicKeyHex: "ff".repeat(32) },
    { publicKeyHex: "" },
  ];
  for (const change of bad) expect(verifyTlsCertSignature({ ...good, ...change })).toBe(false);
});
