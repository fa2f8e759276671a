import { verifyHotkeyMessage } from "../../../wire/hotkey-signature.js";

/** Three clock windows of a busy platform's signers. */
const LIMIT = 20_000;

/**
 * Remembers signatures that held, because clients send one set of headers several times and a curve operation costs a
 * hundred times a look-up. A wrong signature is never remembered. @see protocol 01 §21.6
 */
export class VerifiedSignatures {
  readonly #known = new Set<string>();

  /** Whether the hotkey signed that text. `initCrypto` must have been awaited. */
  holds(signed: { readonly hotkey: string; readonly message: string; readonly signatureHex: string }): boolean {
    const key = `${signed.hotkey}\n${signed.message}\n${signed.signatureHex}`;
    if (this.#known.has(key)) return true;
    if (!verifyHotkeyMessage(signed)) return false;
    const [oldest] = this.#known;
    if (this.#known.size >= LIMIT && oldest !== undefined) this.#known.delete(oldest);
    this.#known.add(key);
    return true;
  }
}
