import { randomBytes } from "node:crypto";
import { AppError } from "../kernel/errors.js";
import { dummyDecrypt, dummyWorkProduct } from "../wire/dummy-gpu.js";
import { aesCbcEncrypt } from "../wire/legacy-cipher.js";
import type { MinerGpu } from "./gpus.js";

const IV_BYTES = 16;
const KEY_SHAPE = /^[0-9a-f]{32}$/i;

export interface GpuChallenge {
  readonly seed: bigint;
  readonly iterations: number;
  /** Key of the instance, sealed for one GPU. */
  readonly ciphertext: string;
  readonly uuid: string;
  /** What must come back under that key. */
  readonly responsePlaintext: string;
}

/**
 * Body that proves the key was readable and every GPU worked. Only the dummy backend is known here, so the platform must run
 * without GPU verification. Throws AppError `unavailable` when the key was sealed otherwise. @see protocol 05 §6.5, 06 §7.2
 */
export function gpuProof(challenge: GpuChallenge, gpus: readonly MinerGpu[]): Record<string, unknown> {
  const { seed, iterations, ciphertext, uuid } = challenge;
  const keyHex = dummyDecrypt({ seed, uuid, ciphertext });
  if (keyHex === undefined || !KEY_SHAPE.test(keyHex)) {
    throw new AppError("unavailable", "the instance key is sealed for a real GPU, which this miner does not have");
  }
  const iv = randomBytes(IV_BYTES);
  const plain = Buffer.from(challenge.responsePlaintext, "utf8");
  const proof = gpus.map((gpu, index) => [gpu.uuid, workOf(gpu, index, { seed, iterations })]);
  return {
    response: aesCbcEncrypt({ key: Buffer.from(keyHex, "hex"), iv, plain }).toString("base64"),
    iv: iv.toString("hex"),
    proof: Object.fromEntries(proof),
  };
}

function workOf(gpu: MinerGpu, index: number, work: { seed: bigint; iterations: number }): Record<string, unknown> {
  return {
    device_id: index,
    device_uuid: gpu.uuid,
    device_name: gpu.name,
    work_product: dummyWorkProduct({ ...work, uuid: gpu.uuid }),
  };
}
