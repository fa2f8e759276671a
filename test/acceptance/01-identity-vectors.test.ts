import { beforeAll, describe, expect, test } from "vitest";
import { apiKeyHash, apiKeyMatches, parseApiKey } from "../../src/wire/api-key.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { isFreshNonce, verifyHotkeyMessage } from "../../src/wire/hotkey-signature.js";
import { chuteIdOf, fingerprintHash, imageIdOf, ipToken, jobFileId, secretIdOf, userIdOf } from "../../src/wire/ids.js";
import { launchKey, sessionTokenKey, signJwt, verifyJwt } from "../../src/wire/jwt.js";
import { initCrypto, keypairFromSeed, verifySr25519 } from "../../src/wire/keypair.js";
import { keypairFromMnemonic } from "../../src/wire/mnemonic.js";
import { decodeSs58, encodeSs58 } from "../../src/wire/ss58.js";
import { decryptWalletText, sealInner } from "../../src/wire/wallet-cipher.js";
import vectors from "../vectors/01-identity.json" with { type: "json" };

const { a, b } = vectors.keys;
const NOW = new Date(vectors.nonceAt * 1000);
const [first] = vectors.signatures;
if (first === undefined) throw new Error("the vectors are empty");

beforeAll(initCrypto);

describe("01 §22 keys", () => {
  test.each([a, b])("01 §22: mini-secret of $address", ({ seed, publicKey, address }) => {
    const keypair = keypairFromSeed(seed);
    expect(Buffer.from(keypair.publicKey).toString("hex")).toBe(publicKey);
    expect(keypair.address).toBe(address);
    expect(encodeSs58(Buffer.from(publicKey, "hex"))).toBe(address);
    expect(Buffer.from(decodeSs58(address) ?? []).toString("hex")).toBe(publicKey);
  });

  test.each(vectors.rejectedAddresses)("01 §22: %s is no address", (address) => {
    expect(decodeSs58(address)).toBeUndefined();
  });
});

describe("01 §22.1 signatures", () => {
  test.each(Object.entries(vectors.bodies))("01 §22.1: hash of the %s body", (_, { text, sha256 }) => {
    expect(sha256Hex(text)).toBe(sha256);
  });

  // The two rows towards a miner were signed over a misspelt miner address; a signature is over text, so they hold as they are.
  test.each(vectors.signatures)("01 §22.1: $name verifies", ({ message, signature }) => {
    expect(verifyHotkeyMessage({ hotkey: a.address, message, signatureHex: signature })).toBe(true);
  });

  test("01 §22.1: the wallet extension's signature verifies through the wrapping only", () => {
    const wrapped = vectors.signatures.at(-1);
    const publicKey = Buffer.from(a.publicKey, "hex");
    const signature = Buffer.from(wrapped?.signature ?? "", "hex");
    expect(verifySr25519({ message: first.message, signature, publicKey })).toBe(false);
    expect(verifySr25519({ message: `<Bytes>${first.message}</Bytes>`, signature, publicKey })).toBe(true);
  });

  test("01 §22.1: a cleared marker bit fails", () => {
    const signatureHex = first.signature.replace(/86$/, "06");
    expect(signatureHex).not.toBe(first.signature);
    expect(verifyHotkeyMessage({ hotkey: a.address, message: first.message, signatureHex })).toBe(false);
  });

  test("01 §22.1: another purpose fails", () => {
    const message = first.message.replace(/me$/, "chutes");
    expect(verifyHotkeyMessage({ hotkey: a.address, message, signatureHex: first.signature })).toBe(false);
  });

  test("01 §22.1: another hotkey fails", () => {
    expect(verifyHotkeyMessage({ hotkey: b.address, message: first.message, signatureHex: first.signature })).toBe(
      false,
    );
  });

  test("01 §22.1: the forged signature of the zero key fails", () => {
    const hotkey = vectors.zeroKeyAddress;
    const message = `${hotkey}:${vectors.nonceAt}:me`;
    expect(verifyHotkeyMessage({ hotkey, message, signatureHex: vectors.zeroKeySignature })).toBe(false);
    const signature = Buffer.from(vectors.zeroKeySignature, "hex");
    expect(verifySr25519({ message, signature, publicKey: new Uint8Array(32) })).toBe(false);
  });

  test("01 §22.1: nonce window", () => {
    for (const nonce of vectors.nonces.accepted) expect(isFreshNonce(nonce, NOW)).toBe(true);
    for (const nonce of vectors.nonces.rejected) expect(isFreshNonce(nonce, NOW)).toBe(false);
  });
});

describe("01 §22.2 identifiers and tokens", () => {
  const ids = vectors.ids;

  test("01 §22.2: fingerprint hash and user id", () => {
    expect(fingerprintHash(ids.fingerprint)).toBe(ids.fingerprintHash);
    expect(userIdOf(ids.fingerprintHash)).toBe(ids.userId);
  });

  test("01 §22.2: session key and token", () => {
    const key = sessionTokenKey(ids.fingerprintHash, ids.pgEncryptionKey);
    expect(key).toBe(ids.sessionKey);
    expect(signJwt(ids.sessionClaims, key)).toBe(ids.sessionToken);
    expect(verifyJwt(ids.sessionToken, { key, now: NOW, requireExp: true })).toEqual(ids.sessionClaims);
  });

  test("01 §22.2: unsalted session key", () => {
    expect(sessionTokenKey(ids.fingerprintHash, "")).toBe(ids.unsaltedKey);
  });

  test("01 §22.2: API key", () => {
    expect(parseApiKey(ids.apiKey)).toEqual({ apiKeyId: ids.apiKeyId, userId: ids.userId });
    expect(ids.apiKey).toHaveLength(102);
    expect(apiKeyMatches(ids.apiKey, apiKeyHash(ids.apiKey))).toBe(true);
  });

  test("01 §22.2: chute, image and secret ids", () => {
    expect(chuteIdOf(ids.chute.username, ids.chute.name)).toBe(ids.chute.id);
    expect(imageIdOf(ids.image)).toBe(ids.image.id);
    expect(secretIdOf({ userId: ids.userId, chuteId: ids.chute.id, key: ids.secret.key })).toBe(ids.secret.id);
  });

  test.each(ids.ipTokens)("01 §22.2: IP token, extra salt $salt", ({ token, ...parts }) => {
    expect(ipToken(parts)).toBe(token);
  });

  test("01 §22.2: launch key, job token and job file id", () => {
    expect(launchKey(ids.launchSecret)).toBe(ids.launchKey);
    expect(signJwt(ids.jobClaims, ids.launchKey)).toBe(ids.jobToken);
    expect(verifyJwt(ids.jobToken, { key: ids.launchKey, issuer: "chutes", now: NOW })).toEqual(ids.jobClaims);
    expect(jobFileId(ids.jobClaims.sub, ids.jobFile.filename)).toBe(ids.jobFile.id);
  });
});

describe("01 §22.3 wallet encryption", () => {
  const wallet = vectors.wallet;

  test("01 §22.3: inner form", () => {
    expect(sealInner(wallet.text, wallet.walletKeyHex, Buffer.from(wallet.ivHex, "hex"))).toBe(wallet.inner);
  });

  test("01 §22.3: the stored value decrypts", async () => {
    expect(await decryptWalletText(wallet.stored, wallet)).toBe(wallet.text);
  });

  test("01 §22.3: mnemonic and mini-secret give the address", () => {
    expect(keypairFromMnemonic(wallet.mnemonic).address).toBe(wallet.address);
    expect(keypairFromSeed(`0x${wallet.miniSecret}`).address).toBe(wallet.address);
  });
});
