import { X509Certificate } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { newRuntimeKeys, type RuntimeKeys } from "../../../src/miner/runtime-keys.js";
import { parseCommitmentV4, verifyTlsCertSignature } from "../../../src/wire/commitment.js";
import { deriveSessionKey, newX25519 } from "../../../src/wire/session-key.js";

const CONFIG_ID = "11111111-2222-4333-8444-555555555555";
const NONCE = "00112233445566778899aabbccddeeff";
const NOW = new Date("2025-10-09T08:53:20Z");
/** Object identifier 1.3.6.1.4.1.59888.1 and the UTF8String of 32 characters that follows it. */
const NONCE_EXTENSION = Buffer.concat([
  Buffer.from("06092b0601040183d37001", "hex"),
  Buffer.from("04220c20", "hex"),
  Buffer.from(NONCE, "utf8"),
]);

let keys: RuntimeKeys;
beforeAll(async () => {
  keys = await newRuntimeKeys({ configId: CONFIG_ID, nonce: NONCE, now: NOW });
});

test("the commitment is 146 bytes of version 4, bound to the nonce and signed", () => {
  const hex = keys.offer["rint_commitment"] ?? "";
  expect(hex).toHaveLength(292);
  expect(hex.startsWith("0404")).toBe(true);
  expect(parseCommitmentV4(hex)?.nonce).toBe(NONCE);
});

test("the commitment's key signs the certificate together with the nonce", () => {
  const { rint_commitment = "", tls_cert: certPem = "", tls_cert_sig: signatureHex = "" } = keys.offer;
  const publicKeyHex = parseCommitmentV4(rint_commitment)?.publicKey ?? "";
  const signed = { certPem, signatureHex, publicKeyHex };
  expect(verifyTlsCertSignature({ ...signed, nonce: NONCE })).toBe(true);
  expect(verifyTlsCertSignature({ ...signed, nonce: NONCE.replace("0", "1") })).toBe(false);
});

test("the server certificate carries the launch's name and nonce", () => {
  const certificate = new X509Certificate(keys.tls.serverCertPem);
  expect(certificate.subject).toBe(`CN=${CONFIG_ID}.int.chutes.dev`);
  expect(certificate.checkHost(`${CONFIG_ID}.int.chutes.dev`)).toBeDefined();
  expect(certificate.raw.includes(NONCE_EXTENSION)).toBe(true);
});

test("both certificates come from the launch's own authority and are valid around its time", () => {
  const authority = new X509Certificate(keys.tls.caCertPem);
  for (const pem of [keys.tls.serverCertPem, keys.tls.clientCertPem]) {
    const certificate = new X509Certificate(pem);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(NOW.getTime());
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(NOW.getTime() + 300 * 86_400_000);
  }
  expect(authority.ca).toBe(true);
});

test("both ends derive the same session key", () => {
  const validator = newX25519();
  const minerPublicHex = keys.offer["rint_pubkey"] ?? "";
  const expected = deriveSessionKey({
    privateKey: validator.privateKey,
    peerPublicHex: minerPublicHex,
    minerPublicHex,
    validatorPublicHex: validator.publicKeyHex,
    nonceHex: NONCE,
  });
  expect(keys.sessionKey(validator.publicKeyHex)).toEqual(expected);
});

test("nothing is shared between two launches", async () => {
  const other = await newRuntimeKeys({ configId: CONFIG_ID, nonce: NONCE, now: NOW });
  for (const member of ["rint_pubkey", "rint_commitment", "tls_ca_cert", "tls_client_key"]) {
    expect(other.offer[member]).not.toBe(keys.offer[member]);
  }
});
