import { enums, readMessage } from "openpgp";
import { expect, test } from "vitest";
import { decryptWalletText, encryptWalletText, sealInner } from "../../../src/wire/wallet-cipher.js";

const keys = { walletKeyHex: "0f".repeat(32), pgKey: "db-key" };
const invalid = expect.objectContaining({ kind: "invalid" });

test("text survives, and two encryptions differ", async () => {
  const stored = await encryptWalletText("abandon ability äöü", keys);
  expect(stored).toMatch(/^[0-9a-f]+$/);
  expect(await decryptWalletText(stored, keys)).toBe("abandon ability äöü");
  expect(await encryptWalletText("abandon ability äöü", keys)).not.toBe(stored);
});

test("the outer layer is what pgcrypto reads: a v4 session key of AES-128 and an integrity-protected packet of version 1", async () => {
  const message = await readMessage({ binaryMessage: Buffer.from(await encryptWalletText("x", keys), "hex") });
  const packets: ReadonlyArray<object> = Array.from(message.packets);
  expect(packets).toHaveLength(2);
  expect(packets[0]).toMatchObject({ version: 4, sessionKeyEncryptionAlgorithm: enums.symmetric.aes128 });
  expect(packets[1]).toMatchObject({ version: 1 });
});

test("either wrong key is named by its layer", async () => {
  const stored = await encryptWalletText("secret", keys);
  await expect(decryptWalletText(stored, { ...keys, pgKey: "other" })).rejects.toThrow(invalid);
  await expect(decryptWalletText(stored, { ...keys, pgKey: "other" })).rejects.toThrow(/database encryption key/);
  await expect(decryptWalletText(stored, { ...keys, walletKeyHex: "00".repeat(32) })).rejects.toThrow(/wallet key/);
});

test("malformed values and keys are invalid", async () => {
  for (const stored of ["", "zz", "c30d04070302", "00".repeat(100)])
    await expect(decryptWalletText(stored, keys)).rejects.toThrow(invalid);
  for (const walletKeyHex of ["", "0f".repeat(31), "zz".repeat(32)])
    expect(() => sealInner("x", walletKeyHex)).toThrow(invalid);
});
