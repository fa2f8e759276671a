import { expect, test } from "vitest";
import { openSession } from "../../../../src/domain/instances/launch-session.js";
import { x25519FromPrivateHex } from "../../../../src/wire/session-key.js";

const NONCE = "00112233445566778899aabbccddeeff";
const MINER_PUBLIC = "5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22";
const OFFER = { rint_pubkey: MINER_PUBLIC, rint_nonce: NONCE };
const CONTEXT = {
  configId: "11111111-2222-4333-8444-555555555555",
  nonce: NONCE,
  chutesVersion: "0.6.10",
  ownKey: x25519FromPrivateHex("04".repeat(32)),
};
const COMMITMENT =
  "04046e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf100112233445566778899aabbccddeeff" +
  "aa".repeat(32) +
  "5bcb3e742c764f23614b47caaf6f0fd1cbc0ee5af883c4d8f64d3fabcc1c6b7acceaf513d8125ae3374a7590e9118fda80877b2bcc4a518ee4cdbecbffdaac0b";

test("05 §18.12: the session key of the vector is derived, and our public key answered", () => {
  expect(openSession(OFFER, CONTEXT)).toEqual({
    transport: {
      sessionKeyHex: "50761eac04cb5b126c1d84d31ef353c4b7aa4add00f12eccdfa487bb2f2ca36a",
      rintNonce: NONCE,
    },
    validatorPublicHex: "ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10b",
  });
});

test("05 §18.13: the commitment of the vector belongs to its nonce only", () => {
  const offer = { ...OFFER, rint_commitment: COMMITMENT };
  expect(openSession(offer, CONTEXT).transport.rintCommitment).toBe(COMMITMENT);
  const elsewhere = { ...offer, rint_nonce: "1".repeat(32) };
  expect(() => openSession(elsewhere, { ...CONTEXT, nonce: "1".repeat(32) })).toThrow("made for another launch");
  expect(() => openSession({ ...offer, rint_commitment: COMMITMENT.slice(2) }, CONTEXT)).toThrow("invalid");
});

test.each([
  ["0.6.10", {}, "forbidden"],
  ["0.5.5", { rint_pubkey: MINER_PUBLIC }, "forbidden"],
  ["0.5.4", OFFER, "unavailable"],
  ["0.5.1", OFFER, "unavailable"],
])("SDK %s with %o is %s", (chutesVersion, offer, kind) => {
  expect(() => openSession(offer, { ...CONTEXT, chutesVersion })).toThrow(expect.objectContaining({ kind }));
});

test("an SDK without sessions leaves nothing to remember", () => {
  expect(openSession({}, { ...CONTEXT, chutesVersion: "0.5.0", nonce: null })).toEqual({ transport: {} });
});

test("a public key without order is refused", () => {
  expect(() => openSession({ ...OFFER, rint_pubkey: "0".repeat(64) }, CONTEXT)).toThrow(
    expect.objectContaining({ name: "AppError" }),
  );
});
