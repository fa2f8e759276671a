import { blake2AsU8a, xxhashAsU8a } from "@polkadot/util-crypto";
import { expect } from "vitest";
import { keypairFromSeed } from "../../../src/wire/keypair.js";
import { ALICE, BOB } from "../../fakes/chain-accounts.js";
import { publicKeyOf, nodeTest as test } from "../../fakes/chain-fixtures.js";
import { hex, u32, u64, u128 } from "../../fakes/chain-scale.js";

/** Full storage key of an account: twox128 of pallet and item, then the hash of the public key and the key itself. */
function accountKey(address: string): string {
  const key = publicKeyOf(address);
  return hex(
    Buffer.concat([xxhashAsU8a("System", 128), xxhashAsU8a("Account", 128), blake2AsU8a(key, 128), Buffer.from(key)]),
  );
}

function accountInfo(freeRao: bigint): string {
  return hex(Buffer.concat([u32(3), u32(0), u32(1), u32(0), u64(freeRao), u64(11n), u64(12n), u128(1n << 127n)]));
}

test("the free balance is that member of the account, and 0 for a stranger", async ({ node, chain }) => {
  node.storage.set(accountKey(ALICE.address), accountInfo(9_007_199_254_740_993n));
  expect(await chain.freeBalance(ALICE.address)).toBe(9_007_199_254_740_993n);
  expect(await chain.freeBalance(BOB.address)).toBe(0n);
});

test("everything is sent by Balances.transfer_all, and the account may end", async ({ node, chain }) => {
  for (let block = 1; block <= 4; block += 1) node.addBlock({ extrinsics: [], timeMs: block * 12_000 });
  node.storage.set(accountKey(ALICE.address), accountInfo(5_000_000_000n));
  const sent = await chain.transferAll({ from: keypairFromSeed(ALICE.seed), to: BOB.address });
  expect(sent).toEqual({ amountRao: 5_000_000_000n, block: 5 });
  const bob = Buffer.from(publicKeyOf(BOB.address)).toString("hex");
  expect(node.submitted[0]?.callData).toBe(`050400${bob}00`);
});

test("a refused transfer carries the chain's words", async ({ node, chain }) => {
  for (let block = 1; block <= 4; block += 1) node.addBlock({ extrinsics: [], timeMs: block * 12_000 });
  node.verdict = { kind: "pool", code: 1010, message: "Invalid Transaction", data: "Inability to pay some fees" };
  const transfer = chain.transferAll({ from: keypairFromSeed(ALICE.seed), to: BOB.address });
  await expect(transfer).rejects.toMatchObject({ kind: "conflict", code: "CHN002" });
});
