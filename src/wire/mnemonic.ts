import { AppError } from "../kernel/errors.js";
import { type Keypair, keypairFromMiniSecret, wasmCrypto } from "./keypair.js";

const WORDS = 24;

/** A fresh English BIP-39 mnemonic of 24 words. `initCrypto` must have been awaited. @see protocol 01 §10 */
export function newMnemonic(): string {
  return wasmCrypto().bip39Generate(WORDS);
}

/**
 * Key pair of a mnemonic, the Substrate way: mini-secret from the entropy, empty password, no path.
 * Throws AppError `invalid` for words that are no mnemonic. @see protocol 01 §10
 */
export function keypairFromMnemonic(words: string): Keypair {
  const crypto = wasmCrypto();
  if (!crypto.bip39Validate(words)) throw new AppError("invalid", "the words are not a BIP-39 mnemonic");
  return keypairFromMiniSecret(crypto.bip39ToMiniSecret(words, ""));
}
