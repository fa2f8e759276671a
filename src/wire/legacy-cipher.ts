import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM, randomBytes } from "node:crypto";

const IV_BYTES = 16;
const GCM_NONCE_BYTES = 12;
const GCM_TAG_BYTES = 16;
const PATH_LENGTH = 24;

/** AES-CBC with PKCS#7 padding; 16- or 32-byte key, 16-byte IV; the IV is not part of the result. @see protocol 04 §6.3 */
export function aesCbcEncrypt(input: {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly plain: Uint8Array;
}): Buffer {
  const cipher = createCipheriv(cbcName(input.key), input.key, input.iv);
  return Buffer.concat([cipher.update(input.plain), cipher.final()]);
}

/** Plain bytes, or undefined when key, IV or padding do not fit. @see protocol 04 §6.3 */
export function aesCbcDecrypt(input: {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly data: Uint8Array;
}): Buffer | undefined {
  try {
    const decipher = createDecipheriv(cbcName(input.key), input.key, input.iv);
    return Buffer.concat([decipher.update(input.data), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Body for an instance of runtime 0.2.0–0.5.0: hex IV followed by base64. @see protocol 04 §6.3 */
export function encryptCbcBody(key: Uint8Array, plain: Uint8Array, iv: Uint8Array = randomBytes(IV_BYTES)): string {
  return toHex(iv) + aesCbcEncrypt({ key, iv, plain }).toString("base64");
}

/** Path for an instance of runtime 0.2.14–0.5.0: `/` + hex of IV and ciphertext. @see protocol 04 §6.4 */
export function encryptCbcPath(key: Uint8Array, path: string, iv: Uint8Array = randomBytes(IV_BYTES)): string {
  return `/${toHex(iv)}${aesCbcEncrypt({ key, iv, plain: paddedPath(path) }).toString("hex")}`;
}

/** Body or line for runtime 0.5.1–0.5.4: base64 of nonce (12) ‖ ciphertext ‖ tag (16), AES-256-GCM. @see protocol 04 §6.3 */
export function encryptGcmBody(
  key: Uint8Array,
  plain: Uint8Array,
  nonce: Uint8Array = randomBytes(GCM_NONCE_BYTES),
): string {
  return sealGcm(key, plain, nonce).toString("base64");
}

/** Plain bytes of `encryptGcmBody`'s form, or undefined when it does not decrypt. @see protocol 04 §6.3 */
export function decryptGcmBody(key: Uint8Array, base64: string): Buffer | undefined {
  const sealed = Buffer.from(base64, "base64");
  if (sealed.length < GCM_NONCE_BYTES + GCM_TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, GCM_NONCE_BYTES)) as DecipherGCM;
    decipher.setAuthTag(sealed.subarray(-GCM_TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(GCM_NONCE_BYTES, -GCM_TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Path for an instance of runtime 0.5.1–0.5.4. @see protocol 04 §6.4 */
export function encryptGcmPath(
  key: Uint8Array,
  path: string,
  nonce: Uint8Array = randomBytes(GCM_NONCE_BYTES),
): string {
  return `/${sealGcm(key, paddedPath(path), nonce).toString("hex")}`;
}

/** What a launching instance answers on a forwarded port: `iv|base64`. @see protocol 05 §6.5 */
export function portProbeReply(port: ProbedPort, key: Uint8Array, iv: Uint8Array = randomBytes(IV_BYTES)): string {
  const plain = Buffer.from(probeText(port), "utf8");
  return `${toHex(iv)}|${aesCbcEncrypt({ key, iv, plain }).toString("base64")}`;
}

/** Whether a reply proves that the port leads to the instance holding the key. @see protocol 05 §6.5 */
export function isPortProbeReply(reply: string, port: ProbedPort, key: Uint8Array): boolean {
  const [, iv, data] = /^([0-9a-f]{32})\|([A-Za-z0-9+/]+=*)$/i.exec(reply) ?? [];
  if (iv === undefined || data === undefined) return false;
  const plain = aesCbcDecrypt({ key, iv: Buffer.from(iv, "hex"), data: Buffer.from(data, "base64") });
  return plain?.toString("utf8") === probeText(port);
}

/** A port as the mapping names it; miners write the protocol in either case. */
export interface ProbedPort {
  readonly proto: string;
  readonly internalPort: number;
}

/** Text an instance must return encrypted to prove that it could read its key. @see protocol 05 §6.4 */
export function launchProofText(configId: string, seed: bigint | number): string {
  return `secret is ${configId} ${seed}`;
}

function probeText(port: ProbedPort): string {
  return `response from ${port.proto.toLowerCase()} ${port.internalPort}`;
}

function sealGcm(key: Uint8Array, plain: Uint8Array, nonce: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce) as CipherGCM;
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function cbcName(key: Uint8Array): string {
  return key.length === 32 ? "aes-256-cbc" : "aes-128-cbc";
}

function paddedPath(path: string): Buffer {
  return Buffer.from(path.padEnd(PATH_LENGTH, "?"), "utf8");
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
