import { expect, test } from "vitest";
import { blockNumberAt, blockOf, finalizedNumber } from "../../../../src/local/chain/block-clock.js";

const GENESIS = new Date("2026-01-01T00:00:00Z");
const CLOCK = { genesisHash: `0x${"ab".repeat(32)}`, genesisAt: GENESIS, blockTimeMs: 12_000 };

function after(ms: number): Date {
  return new Date(GENESIS.getTime() + ms);
}

test("a block is open for exactly the block time", () => {
  expect([0, 11_999, 12_000, 23_999, 24_000].map((ms) => blockNumberAt(CLOCK, after(ms)))).toEqual([0, 0, 1, 1, 2]);
});

test("a clock before genesis gives block 0", () => {
  expect(blockNumberAt(CLOCK, after(-60_000))).toBe(0);
});

test("a block's hash and time depend on the chain and the number only", () => {
  expect(blockOf(CLOCK, 0)).toEqual({ number: 0, hash: CLOCK.genesisHash, time: GENESIS });
  const seven = blockOf(CLOCK, 7);
  expect(seven).toEqual({ number: 7, hash: expect.stringMatching(/^0x[0-9a-f]{64}$/), time: after(84_000) });
  expect(blockOf(CLOCK, 7).hash).toBe(seven.hash);
  expect(blockOf(CLOCK, 8).hash).not.toBe(seven.hash);
  expect(blockOf({ ...CLOCK, genesisHash: `0x${"cd".repeat(32)}` }, 7).hash).not.toBe(seven.hash);
});

test("finality trails the head by two blocks and starts at genesis", () => {
  expect([0, 1, 2, 9].map(finalizedNumber)).toEqual([0, 0, 0, 7]);
});
