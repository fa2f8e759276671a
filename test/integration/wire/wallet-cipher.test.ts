import { sql } from "kysely";
import { expect } from "vitest";
import { decryptWalletText, encryptWalletText } from "../../../src/wire/wallet-cipher.js";
import { test } from "../../support/fixtures.js";

const keys = { walletKeyHex: "0f".repeat(32), pgKey: "a passphrase of the database" };

test("01 §10: pgcrypto reads what we wrote, and we read what pgcrypto wrote", async ({ db }) => {
  await sql`create extension if not exists pgcrypto`.execute(db);
  const stored = await encryptWalletText("twenty-four words", keys);
  const opened = await sql<{
    inner: string;
  }>`select pgp_sym_decrypt(decode(${stored}, 'hex'), ${keys.pgKey}) as inner`.execute(db);
  const inner = opened.rows[0]?.inner ?? "";
  expect(inner).toMatch(/^[0-9a-f]{32}::::[0-9a-f]+$/);
  const sealed = await sql<{
    hex: string;
  }>`select encode(pgp_sym_encrypt(${inner}, ${keys.pgKey}), 'hex') as hex`.execute(db);
  expect(await decryptWalletText(sealed.rows[0]?.hex ?? "", keys)).toBe("twenty-four words");
});
