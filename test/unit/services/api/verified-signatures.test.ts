import { expect, test } from "vitest";
import { VerifiedSignatures } from "../../../../src/services/api/directory/verified-signatures.js";
import { initCrypto, keypairFromSeed } from "../../../../src/wire/keypair.js";

test("a true signature is found true again, a false one never", async () => {
  await initCrypto();
  const signer = keypairFromSeed("11".repeat(32));
  const signatures = new VerifiedSignatures();
  const signatureHex = Buffer.from(signer.sign("text")).toString("hex");
  const signed = { hotkey: signer.address, message: "text", signatureHex };
  for (const _ of [1, 2]) {
    expect(signatures.holds(signed)).toBe(true);
    expect(signatures.holds({ ...signed, message: "other" })).toBe(false);
    expect(
      signatures.holds({ ...signed, signatureHex: signatureHex.replace(/^./, (c) => (c === "0" ? "1" : "0")) }),
    ).toBe(false);
    expect(signatures.holds({ ...signed, hotkey: keypairFromSeed("22".repeat(32)).address })).toBe(false);
  }
});
