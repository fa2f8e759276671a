import { diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from "node:crypto";
import { AppError } from "../kernel/errors.js";
import { privateKeyFromHex, publicHexOf, publicKeyFromHex } from "./curve-keys.js";

const INFO = "runint-session-v4";

/** One side's ephemeral key. */
export interface X25519Key {
  readonly privateKey: KeyObject;
  /** 64 hex digits. */
  readonly publicKeyHex: string;
}

/** A fresh ephemeral key. @see protocol 04 §6.5 */
export function newX25519(): X25519Key {
  const { privateKey } = generateKeyPairSync("x25519");
  return { privateKey, publicKeyHex: publicHexOf(privateKey) };
}

/** Key of 32 raw private bytes in hex. Throws AppError `invalid` on anything else. */
export function x25519FromPrivateHex(hex: string): X25519Key {
  const privateKey = privateKeyFromHex("x25519", hex);
  return { privateKey, publicKeyHex: publicHexOf(privateKey) };
}

/**
 * The 32-byte key that an instance (≥ 0.5.5) and the validator share. Both sides call it with their own private and the
 * other's public key; the salt is miner key ‖ validator key ‖ nonce on both.
 * Throws AppError `invalid` for malformed hex or a public key without order. @see protocol 04 §6.5
 */
export function deriveSessionKey(input: {
  readonly privateKey: KeyObject;
  readonly peerPublicHex: string;
  readonly minerPublicHex: string;
  readonly validatorPublicHex: string;
  /** 32 hex digits: the instance's `rint_nonce`. */
  readonly nonceHex: string;
}): Buffer {
  const { minerPublicHex, validatorPublicHex, nonceHex } = input;
  if (!/^[0-9a-f]{32}$/i.test(nonceHex)) throw new AppError("invalid", "a session nonce must be 32 hex digits");
  if (!/^[0-9a-f]{128}$/i.test(minerPublicHex + validatorPublicHex)) {
    throw new AppError("invalid", "a session key needs two public keys of 64 hex digits");
  }
  const salt = Buffer.from(minerPublicHex + validatorPublicHex + nonceHex, "hex");
  return Buffer.from(hkdfSync("sha256", sharedSecret(input.privateKey, input.peerPublicHex), salt, INFO, 32));
}

function sharedSecret(privateKey: KeyObject, peerPublicHex: string): Buffer {
  const publicKey = publicKeyFromHex("x25519", peerPublicHex);
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch (cause) {
    throw new AppError("invalid", "the peer's public key is not usable", { cause });
  }
}
