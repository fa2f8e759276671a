import { createHash, randomBytes } from "node:crypto";
import { sha256Hex } from "./hashes.js";
import { aesCbcDecrypt, aesCbcEncrypt } from "./legacy-cipher.js";

/** Seed when none is asked for. @see protocol 06 §7.2 */
export const DUMMY_SEED = 42n;

const IV_BYTES = 16;
const MATRICES = 4;

/** Which pretended device: anybody who knows both can compute everything here, so it proves nothing. @see protocol 06 §7.2 */
export interface DummyDevice {
  readonly seed: bigint;
  /** GPU uuid. */
  readonly uuid: string;
}

/** Wire form of a proof of work. @see protocol 06 §3.7 */
export interface WorkProduct {
  readonly intermediate_hashes: readonly string[];
  readonly num_matrices: number;
  readonly total_iterations: number;
}

/** 32-byte key of a device. @see protocol 06 §7.2 */
export function dummyKey(seed: bigint, uuid: string): Buffer {
  return createHash("sha256").update(`graval-dummy:${seed}:${uuid}`).digest();
}

/** Base64 of IV (16) ‖ AES-256-CBC ciphertext of the text. @see protocol 06 §7.2 */
export function dummyEncrypt(input: DummyDevice & { readonly plain: string; readonly iv?: Uint8Array }): string {
  const { iv = randomBytes(IV_BYTES) } = input;
  const sealed = aesCbcEncrypt({ key: dummyKey(input.seed, input.uuid), iv, plain: Buffer.from(input.plain, "utf8") });
  return Buffer.concat([iv, sealed]).toString("base64");
}

/** Text of `dummyEncrypt`'s form, or undefined when seed, uuid or data do not fit. @see protocol 06 §7.2 */
export function dummyDecrypt(input: DummyDevice & { readonly ciphertext: string }): string | undefined {
  const bytes = Buffer.from(input.ciphertext, "base64");
  const key = dummyKey(input.seed, input.uuid);
  return aesCbcDecrypt({ key, iv: bytes.subarray(0, IV_BYTES), data: bytes.subarray(IV_BYTES) })?.toString("utf8");
}

/** The device's answer to `prove`. @see protocol 06 §7.2 */
export function dummyWorkProduct(input: DummyDevice & { readonly iterations: number }): WorkProduct {
  const hashes = Array.from({ length: MATRICES * input.iterations }, (_, index) =>
    sha256Hex(`${input.seed}:${input.uuid}:${index}`),
  );
  return { intermediate_hashes: hashes, num_matrices: MATRICES, total_iterations: input.iterations };
}

/** Whether a received work product, of any shape, is this device's. @see protocol 06 §7.2 */
export function checkDummyWorkProduct(
  input: DummyDevice & { readonly iterations: number; readonly workProduct: unknown },
): boolean {
  const given = input.workProduct;
  if (typeof given !== "object" || given === null || !("intermediate_hashes" in given)) return false;
  const hashes: unknown = given.intermediate_hashes;
  const expected = dummyWorkProduct(input).intermediate_hashes;
  return (
    Array.isArray(hashes) &&
    hashes.length === expected.length &&
    expected.every((hash, index) => hash === hashes[index])
  );
}

/** Answer of a host's devices to a device-info challenge, 64 hex digits. @see protocol 06 §7.2 */
export function dummyDeviceInfoAnswer(challenge: string, uuids: readonly string[]): string {
  return sha256Hex(`${challenge}:${uuids.join(",")}`);
}
