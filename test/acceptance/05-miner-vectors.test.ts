import { beforeAll, describe, expect, test } from "vitest";
import { parseCommitmentV4 } from "../../src/wire/commitment.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { isFreshNonce, verifyHotkeyMessage } from "../../src/wire/hotkey-signature.js";
import { auditEntryId, ipToken, jobFileId } from "../../src/wire/ids.js";
import { decryptPath, encryptBody } from "../../src/wire/instance-cipher.js";
import { stringifyJson } from "../../src/wire/json.js";
import { launchKey, signJwt } from "../../src/wire/jwt.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import {
  aesCbcDecrypt,
  aesCbcEncrypt,
  encryptCbcPath,
  isPortProbeReply,
  launchProofText,
  portProbeReply,
} from "../../src/wire/legacy-cipher.js";
import { deriveSessionKey, x25519FromPrivateHex } from "../../src/wire/session-key.js";
import vectors from "../vectors/05-miner.json" with { type: "json" };

const { miner, validator } = vectors;
const KEY = Buffer.from(vectors.key, "hex");
const IV = Buffer.from(vectors.iv, "hex");
const signerOf = (name: string) => (name === "miner" ? miner.address : validator.address);

beforeAll(initCrypto);

test("05 §18.1: SS58 of the two keys", () => {
  expect(keypairFromSeed(`0x${miner.seed}`).address).toBe(miner.address);
  expect(keypairFromSeed(`0x${validator.seed}`).address).toBe(validator.address);
});

describe("05 §18.2–4 signatures", () => {
  test.each(vectors.signatures)("05 §18.$check: $signer's signature verifies, one changed digit does not", (vector) => {
    const { signer, message, signature, body, bodySha256 } = vector;
    if (body !== undefined) expect(sha256Hex(body)).toBe(bodySha256);
    const hotkey = signerOf(signer);
    expect(verifyHotkeyMessage({ hotkey, message, signatureHex: signature })).toBe(true);
    for (const at of [0, 63, 64, 127]) {
      const flipped = (Number.parseInt(signature.charAt(at), 16) ^ 1).toString(16);
      const signatureHex = signature.slice(0, at) + flipped + signature.slice(at + 1);
      expect(verifyHotkeyMessage({ hotkey, message, signatureHex })).toBe(false);
    }
  });

  test("05 §18.2: the nonce is stale from 600 s on", () => {
    expect(isFreshNonce(String(vectors.nonceAt), new Date((vectors.nonceAt + 599) * 1000))).toBe(true);
    expect(isFreshNonce(String(vectors.nonceAt), new Date((vectors.nonceAt + 600) * 1000))).toBe(false);
  });
});

describe("05 §18.5–8 tokens and ids", () => {
  const key = launchKey(vectors.launchSecret);

  test("05 §18.5: launch key", () => {
    expect(key).toBe(vectors.launchKey);
  });

  test("05 §18.6: launch token", () => {
    expect(signJwt(vectors.launchClaims, key).split(".")[2]).toBe(vectors.launchSignature);
  });

  test("05 §18.7: job token and job file token", () => {
    const withFile = { ...vectors.jobClaims, filename: vectors.jobFilename };
    expect(signJwt(vectors.jobClaims, key).split(".")[2]).toBe(vectors.jobSignature);
    expect(signJwt(withFile, key).split(".")[2]).toBe(vectors.jobFileSignature);
  });

  test("05 §18.8: job file id, audit entry id, IP tokens", () => {
    expect(jobFileId(vectors.jobClaims.sub, vectors.jobFilename)).toBe(vectors.jobFileId);
    expect(auditEntryId(miner.address, vectors.auditBlock)).toBe(vectors.auditEntryId);
    for (const { token, ...parts } of vectors.ipTokens) expect(ipToken(parts)).toBe(token);
  });
});

describe("05 §18.9–11 symmetric key", () => {
  test("05 §18.9: port-probe reply, accepted whatever the case of the mapping", () => {
    expect(portProbeReply({ proto: "tcp", internalPort: 8080 }, KEY, IV)).toBe(vectors.portProbe);
    expect(isPortProbeReply(vectors.portProbe, { proto: "TCP", internalPort: 8080 }, KEY)).toBe(true);
    expect(isPortProbeReply(vectors.portProbe, { proto: "udp", internalPort: 8080 }, KEY)).toBe(false);
  });

  test("05 §18.10: launch proof with a seed beyond 2^63", () => {
    const { seed, response } = vectors.launchProof;
    const text = launchProofText(vectors.launchClaims.sub, BigInt(seed));
    expect(aesCbcEncrypt({ key: KEY, iv: IV, plain: Buffer.from(text) }).toString("base64")).toBe(response);
    expect(aesCbcDecrypt({ key: KEY, iv: IV, data: Buffer.from(response, "base64") })?.toString()).toBe(text);
    expect(stringifyJson({ seed: BigInt(seed) })).toBe(`{"seed":${seed}}`);
  });

  test("05 §18.11: encrypted path", () => {
    expect(encryptCbcPath(KEY, "/_ping", IV)).toBe(vectors.cbcPath);
  });
});

test("05 §18.12: X25519 session and path", () => {
  const { session } = vectors;
  const own = x25519FromPrivateHex(session.validatorPrivate);
  expect(own.publicKeyHex).toBe(session.validatorPublic);
  expect(x25519FromPrivateHex(session.minerPrivate).publicKeyHex).toBe(session.minerPublic);
  const key = deriveSessionKey({
    privateKey: own.privateKey,
    peerPublicHex: session.minerPublic,
    minerPublicHex: session.minerPublic,
    validatorPublicHex: session.validatorPublic,
    nonceHex: session.nonce,
  });
  expect(key.toString("hex")).toBe(session.key);
  const sealed = encryptBody(key, Buffer.from("/_ping"), Buffer.from(session.pathNonce, "hex"));
  expect(Buffer.from(sealed, "base64").toString("hex")).toBe(session.sealedPath);
  expect(decryptPath(key, `/${session.sealedPath}`)).toBe("/_ping");
});

describe("05 §18.13 commitment", () => {
  const { publicKey, nonce, proof, signature } = vectors.commitment;
  const commitment = `0404${publicKey}${nonce}${proof}${signature}`;

  test("05 §18.13: valid", () => {
    expect(parseCommitmentV4(commitment)).toEqual({ publicKey, nonce, proof });
  });

  test("05 §18.13: changing any byte makes it invalid", () => {
    for (let at = 0; at < commitment.length; at += 2) {
      const changed = (Number.parseInt(commitment.slice(at, at + 2), 16) ^ 0x10).toString(16).padStart(2, "0");
      expect(parseCommitmentV4(commitment.slice(0, at) + changed + commitment.slice(at + 2))).toBeUndefined();
    }
  });

  test("05 §18.13: 145 bytes are rejected", () => {
    expect(parseCommitmentV4(commitment.slice(0, -2))).toBeUndefined();
  });
});
