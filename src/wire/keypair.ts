import { AppError } from "../kernel/errors.js";
import { encodeSs58 } from "./ss58.js";

type WasmCrypto = typeof import("@polkadot/wasm-crypto");

/** A signing key in memory. The secret is held in a closure: nothing serialises or logs it. */
export interface Keypair {
  /** Canonical prefix-42 address. */
  readonly address: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64-byte sr25519 signature (context `substrate`) of the bytes, or of the UTF-8 of the text. Randomised. */
  sign(message: string | Uint8Array): Uint8Array;
}

/** The WebAssembly instance is process-wide by nature; loading it costs about 0.15 s, so commands that never sign skip it. */
let loaded: WasmCrypto | undefined;
let loading: Promise<void> | undefined;

/** Loads and starts the sr25519 module. Idempotent; await it once before any other function of this file. */
export function initCrypto(): Promise<void> {
  loading ??= load();
  return loading;
}

/**
 * Key pair of a 32-byte mini-secret, without derivation path.
 * Throws AppError `invalid` unless the text is 64 hex digits, with or without `0x`. @see protocol 01 §2.6
 */
export function keypairFromSeed(seedHex: string): Keypair {
  const digits = /^(?:0x)?([0-9a-f]{64})$/i.exec(seedHex)?.[1];
  if (digits === undefined) throw new AppError("invalid", "a seed must be 64 hex digits");
  return keypairFromMiniSecret(Buffer.from(digits, "hex"));
}

/** Key pair of a raw 32-byte mini-secret. @see protocol 01 §2.6 */
export function keypairFromMiniSecret(miniSecret: Uint8Array): Keypair {
  const crypto = wasmCrypto();
  const pair = crypto.sr25519KeypairFromSeed(miniSecret);
  const secret = pair.slice(0, 64);
  const publicKey = pair.slice(64);
  return {
    address: encodeSs58(publicKey),
    publicKey,
    sign: (message) => crypto.sr25519Sign(publicKey, secret, toBytes(message)),
  };
}

/**
 * Whether the 64-byte signature is one of the message by that key. False, never an exception, for malformed points,
 * unmarked signatures, wrong lengths and the zero key. @see protocol 01 §2.6
 */
export function verifySr25519(input: {
  readonly message: string | Uint8Array;
  readonly signature: Uint8Array;
  readonly publicKey: Uint8Array;
}): boolean {
  const { message, signature, publicKey } = input;
  const crypto = wasmCrypto();
  if (signature.length !== 64 || publicKey.length !== 32 || publicKey.every((byte) => byte === 0)) return false;
  try {
    return crypto.sr25519Verify(signature, toBytes(message), publicKey);
  } catch {
    return false;
  }
}

/** The started module, for the BIP-39 functions it also carries. Throws Error when `initCrypto` was not awaited: a bug. */
export function wasmCrypto(): WasmCrypto {
  if (loaded === undefined) throw new Error("initCrypto() must be awaited before keys are used");
  return loaded;
}

async function load(): Promise<void> {
  const crypto = await import("@polkadot/wasm-crypto");
  if (!(await crypto.waitReady())) throw new Error("the sr25519 WebAssembly module did not start");
  loaded = crypto;
}

function toBytes(message: string | Uint8Array): Uint8Array {
  return typeof message === "string" ? Buffer.from(message, "utf8") : message;
}
