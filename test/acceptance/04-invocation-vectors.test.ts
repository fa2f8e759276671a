import { beforeAll, expect, test } from "vitest";
import { csvLine } from "../../src/wire/csv.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { signedHeaders, validatorHeaders } from "../../src/wire/headers.js";
import { isFreshNonce, validatorMessage, verifyHotkeyMessage } from "../../src/wire/hotkey-signature.js";
import { chuteIdOf, repeatRequestId, shardOf } from "../../src/wire/ids.js";
import { decryptBody, decryptPath, encryptBody, encryptPath, gunzipBounded } from "../../src/wire/instance-cipher.js";
import { metricsField } from "../../src/wire/invocation-csv.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import {
  aesCbcDecrypt,
  decryptGcmBody,
  encryptCbcBody,
  encryptCbcPath,
  encryptGcmBody,
} from "../../src/wire/legacy-cipher.js";
import { decodeSdkCall } from "../../src/wire/pickle.js";
import { readPickle } from "../../src/wire/pickle-reader.js";
import { promptPrefixHashes } from "../../src/wire/prefix-hashes.js";
import { deriveSessionKey, x25519FromPrivateHex } from "../../src/wire/session-key.js";
import { csvTimestamp } from "../../src/wire/timestamps.js";
import identity from "../vectors/01-identity.json" with { type: "json" };
import vectors from "../vectors/04-invocation.json" with { type: "json" };

const hex = (text: string) => Buffer.from(text, "hex");
const KEY_32 = hex(vectors.key32);
const NONCE_12 = hex(vectors.nonce12);
const KEY_16 = hex(vectors.key16);
const IV_16 = hex(vectors.iv16);

beforeAll(initCrypto);

test("04 §19.1: ChaCha body", () => {
  expect(encryptBody(KEY_32, Buffer.from(vectors.plain), NONCE_12)).toBe(vectors.chachaBody);
  expect(decryptBody(KEY_32, vectors.chachaBody).toString()).toBe(vectors.plain);
});

test("04 §19.2: ChaCha and gzip decode", () => {
  expect(gunzipBounded(decryptBody(KEY_32, vectors.chachaGzipBody), 1000).toString()).toBe(vectors.plain);
});

test("04 §19.3: ChaCha path", () => {
  expect(encryptPath(KEY_32, vectors.path, NONCE_12)).toBe(vectors.chachaPath);
  expect(decryptPath(KEY_32, vectors.chachaPath)).toBe(vectors.path);
});

test("04 §19.4: X25519 session, both sides", () => {
  const { minerPrivate, validatorPrivate, minerPublic, validatorPublic, nonce, key } = vectors.session;
  const miner = x25519FromPrivateHex(minerPrivate);
  const validator = x25519FromPrivateHex(validatorPrivate);
  expect([miner.publicKeyHex, validator.publicKeyHex]).toEqual([minerPublic, validatorPublic]);
  const salt = { minerPublicHex: minerPublic, validatorPublicHex: validatorPublic, nonceHex: nonce };
  const ofMiner = deriveSessionKey({ privateKey: miner.privateKey, peerPublicHex: validatorPublic, ...salt });
  const ofValidator = deriveSessionKey({ privateKey: validator.privateKey, peerPublicHex: minerPublic, ...salt });
  expect([ofMiner.toString("hex"), ofValidator.toString("hex")]).toEqual([key, key]);
});

test("04 §19.5: legacy CBC body, path and reply line", () => {
  const { body, cbcBody, path, cbcPath, replyLine, reply } = vectors.legacy;
  expect(encryptCbcBody(KEY_16, Buffer.from(body), IV_16)).toBe(cbcBody);
  expect(encryptCbcPath(KEY_16, path, IV_16)).toBe(cbcPath);
  expect(aesCbcDecrypt({ key: KEY_16, iv: IV_16, data: Buffer.from(replyLine, "base64") })?.toString()).toBe(reply);
});

test("04 §19.5: GCM body", () => {
  expect(encryptGcmBody(KEY_32, Buffer.from(vectors.plain), NONCE_12)).toBe(vectors.legacy.gcmBody);
  expect(decryptGcmBody(KEY_32, vectors.legacy.gcmBody)?.toString()).toBe(vectors.plain);
});

test("04 §19.6: signature input", () => {
  const { miner, validator, nonce, bodySha256 } = vectors.signature;
  const body = vectors.legacy.cbcBody;
  expect(sha256Hex(body)).toBe(bodySha256);
  const headers = validatorHeaders(
    keypairFromSeed(identity.keys.a.seed),
    { miner, body },
    new Date(Number(nonce) * 1000),
  );
  const message = validatorMessage({ miner, validator, nonce, third: bodySha256 });
  expect(message).toBe(`${miner}:${validator}:1760000000:${bodySha256}`);
  expect(headers).toMatchObject({ "X-Chutes-Miner": miner, "X-Chutes-Validator": validator, "X-Chutes-Nonce": nonce });
  expect(verifyHotkeyMessage({ hotkey: validator, message, signatureHex: headers["X-Chutes-Signature"] ?? "" })).toBe(
    true,
  );
});

test("04 §19.6: a nonce is stale for an instance after 540 s", () => {
  expect(isFreshNonce("1760000000", new Date(1760000539_999), 540)).toBe(true);
  expect(isFreshNonce("1760000000", new Date(1760000540_000), 540)).toBe(false);
});

test("04 §6.2: a call without body is signed with its purpose", () => {
  const { miner, validator, nonce } = vectors.signature;
  const keypair = keypairFromSeed(identity.keys.a.seed);
  const headers = validatorHeaders(keypair, { miner, purpose: "chutes" }, new Date(Number(nonce) * 1000));
  const message = `${miner}:${validator}:${nonce}:chutes`;
  expect(verifyHotkeyMessage({ hotkey: validator, message, signatureHex: headers["X-Chutes-Signature"] ?? "" })).toBe(
    true,
  );
});

test("04 §19.7: prefix hashes", () => {
  expect(promptPrefixHashes({ prompt: "a".repeat(5000) })).toEqual(vectors.prefixes);
  expect(promptPrefixHashes({ prompt: "a".repeat(1024) })).toEqual([]);
});

test("04 §19.8: shard", () => {
  const { chuteId, username, name, indexes } = vectors.shard;
  expect(chuteIdOf(username, name)).toBe(chuteId);
  for (const [shards = 0, index] of indexes) expect(shardOf(chuteId, shards)).toBe(index);
});

test("04 §19.15: an SDK call's pickles become plain JSON", () => {
  expect(decodeSdkCall(vectors.sdkCall, false)).toEqual(vectors.sdkCall.payload);
});

test("04 §19.15: a pickle with a global reference is refused", () => {
  const reference = Buffer.from("\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.", "latin1");
  expect(() => readPickle(reference)).toThrow(expect.objectContaining({ kind: "invalid" }));
});

test("04 §6.6: empty pickles of both protocols", () => {
  for (const pickle of vectors.emptyPickles.tuple) expect(readPickle(hex(pickle))).toEqual([]);
  for (const pickle of vectors.emptyPickles.dict) expect(readPickle(hex(pickle))).toEqual(new Map());
});

test("04 §19.20: id of a repeated request", () => {
  const { userId, chuteId, body, id } = vectors.repeat;
  expect(repeatRequestId({ userId, chuteId, bodySha256: sha256Hex(body) })).toBe(id);
});

test("04 §19.21: CSV text of a row", () => {
  const { metrics, field, startedAt, startedAtText } = vectors.csv;
  expect(metricsField(metrics)).toBe(field);
  expect(csvTimestamp(startedAt)).toBe(startedAtText);
  expect(csvLine([csvTimestamp(startedAt), metricsField(metrics)])).toBe(`${startedAtText},"${field}"\r\n`);
});

test("04 §6.2: signed headers of both directions use the same nonce form", () => {
  const headers = signedHeaders(keypairFromSeed(identity.keys.a.seed), { purpose: "miner" }, new Date(1760000000_999));
  expect(headers["X-Chutes-Nonce"]).toBe("1760000000");
});
