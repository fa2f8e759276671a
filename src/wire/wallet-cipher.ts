import { randomBytes } from "node:crypto";
import { AppError } from "../kernel/errors.js";
import { aesCbcDecrypt, aesCbcEncrypt } from "./legacy-cipher.js";

const IV_BYTES = 16;
/** 65 536 bytes, as pgcrypto: the passphrase is a random key, and stretching it further costs 0.2 s per account. */
const PASSPHRASE_ROUNDS = 96;
const INNER_SHAPE = /^([0-9a-f]{32})::::((?:[0-9a-f]{32})+)$/;

/** Both are needed to read a wallet; losing either loses the funds. */
export interface WalletKeys {
  /** 64 hex digits, decoded: the AES-256 key of the inner layer. */
  readonly walletKeyHex: string;
  /** OpenPGP passphrase of the outer layer, used as text even when it looks like hex. */
  readonly pgKey: string;
}

/**
 * Doubly encrypted form of a mnemonic or secret: hex of a binary OpenPGP message that pgcrypto can read too.
 * @see protocol 01 §10
 */
export async function encryptWalletText(text: string, keys: WalletKeys): Promise<string> {
  const openpgp = await import("openpgp");
  const message = await openpgp.encrypt({
    message: await openpgp.createMessage({ text: sealInner(text, keys.walletKeyHex) }),
    passwords: keys.pgKey,
    format: "binary",
    config: {
      preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes128,
      preferredCompressionAlgorithm: openpgp.enums.compression.uncompressed,
      aeadProtect: false,
      s2kIterationCountByte: PASSPHRASE_ROUNDS,
    },
  });
  return Buffer.from(message).toString("hex");
}

/** Text of a stored value. Throws AppError `invalid` when keys or value do not fit. @see protocol 01 §10 */
export async function decryptWalletText(storedHex: string, keys: WalletKeys): Promise<string> {
  const openpgp = await import("openpgp");
  const inner = await openOuter(openpgp, storedHex, keys.pgKey);
  return openInner(inner, keys.walletKeyHex);
}

/** `iv::::ciphertext` in hex, AES-256-CBC. An IV is given only by tests. @see protocol 01 §10 */
export function sealInner(text: string, walletKeyHex: string, iv: Uint8Array = randomBytes(IV_BYTES)): string {
  const sealed = aesCbcEncrypt({ key: keyOf(walletKeyHex), iv, plain: Buffer.from(text, "utf8") });
  return `${Buffer.from(iv).toString("hex")}::::${sealed.toString("hex")}`;
}

function openInner(inner: string, walletKeyHex: string): string {
  const [, iv = "", data = ""] = INNER_SHAPE.exec(inner) ?? [];
  const plain = aesCbcDecrypt({ key: keyOf(walletKeyHex), iv: Buffer.from(iv, "hex"), data: Buffer.from(data, "hex") });
  if (plain === undefined) throw new AppError("invalid", "the stored value does not decrypt with the wallet key");
  return plain.toString("utf8");
}

async function openOuter(openpgp: typeof import("openpgp"), storedHex: string, pgKey: string): Promise<string> {
  try {
    const message = await openpgp.readMessage({ binaryMessage: Buffer.from(storedHex, "hex") });
    return (await openpgp.decrypt({ message, passwords: pgKey })).data;
  } catch (cause) {
    throw new AppError("invalid", "the stored value does not decrypt with the database encryption key", { cause });
  }
}

function keyOf(walletKeyHex: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(walletKeyHex)) throw new AppError("invalid", "the wallet key must be 64 hex digits");
  return Buffer.from(walletKeyHex, "hex");
}
