import { describe, expect } from "vitest";
import { ALICE, BOB, CHARLIE } from "../../fakes/chain-accounts.js";
import { publicKeyOf, nodeTest as test } from "../../fakes/chain-fixtures.js";
import { bool, compact, list, option, u8, u16, u32, u64, u128 } from "../../fakes/chain-scale.js";

const T0 = Date.parse("2026-01-08T00:00:00Z");
const NETUID_64 = "0x4000";

test("head, finalized head and blocks by number come with hash and time", async ({ node, chain }) => {
  const blocks = [1, 2, 3, 4].map((n) => node.addBlock({ extrinsics: [], timeMs: T0 + n * 12_000 }));
  const head = { number: 4, hash: blocks[3]?.hash, time: new Date(T0 + 48_000) };
  expect(await chain.head()).toEqual(head);
  expect(await chain.finalizedHead()).toEqual({ number: 2, hash: blocks[1]?.hash, time: new Date(T0 + 24_000) });
  expect(await chain.blockAt(4)).toEqual(head);
  expect(await chain.blockAt(0)).toEqual({ number: 0, hash: node.blocks[0]?.hash, time: new Date(0) });
  expect(await chain.blockAt(5)).toBeUndefined();
  expect(await chain.blockAt(2 ** 32)).toBeUndefined();
});

test("a block whose state is gone still has its time", async ({ node, chain }) => {
  const old = node.addBlock({ extrinsics: [], timeMs: T0 });
  node.addBlock({ extrinsics: [], timeMs: T0 + 12_000 });
  node.discardedState.add(old.hash).add(old.parentHash);
  expect(await chain.blockAt(1)).toEqual({ number: 1, hash: old.hash, time: new Date(T0) });
});

interface Row {
  readonly address: string;
  readonly ip: number | bigint;
  readonly ipType: number;
  readonly amount: bigint;
}

const ROWS: readonly Row[] = [
  { address: ALICE.address, ip: 0, ipType: 4, amount: 2n ** 63n },
  { address: BOB.address, ip: 0xcb_00_71_07, ipType: 4, amount: 10_500_000_000n },
  { address: CHARLIE.address, ip: 0x2001_0db8n << 96n, ipType: 6, amount: 1n },
];

function axon({ ip, ipType }: Row): Buffer {
  return Buffer.concat([u64(9), u32(1), u128(ip), u16(32_000), u8(ipType), u8(4), u8(0), u8(0)]);
}

/** `get_metagraph` of netuid 64 at block 77; a column can be cut short. */
function metagraphAnswer(rows: readonly Row[], cut: { incentives?: number } = {}): Buffer {
  const keys = list(rows.map((row) => publicKeyOf(row.address)));
  const amounts = list(rows.map((row) => compact(row.amount)));
  const flags = list(rows.map((_, uid) => bool(uid === 0)));
  const small = list(rows.map((_, uid) => compact(uid * 100)));
  const none = list([]);
  const incentives = list(rows.slice(0, cut.incentives).map((_, uid) => compact(uid * 600)));
  const updates = list(rows.map((_, uid) => compact(1000 + uid)));
  return option(
    Buffer.concat([
      ...[compact(64), compact(77), keys, keys, list(rows.map(axon)), flags, flags, updates],
      ...[incentives, small, none, none, amounts, amounts, amounts],
    ]),
  );
}

test("07 §1.3: a metagraph with empty trust and rank columns is read whole", async ({ node, chain }) => {
  node.runtimeCalls.set("SubnetInfoRuntimeApi_get_metagraph", (input) => {
    expect(input).toBe(NETUID_64);
    return metagraphAnswer(ROWS);
  });
  const metagraph = await chain.metagraph(64);
  expect(metagraph).toMatchObject({ netuid: 64, block: 77 });
  expect(metagraph.neurons[0]).toEqual({
    uid: 0,
    hotkey: ALICE.address,
    coldkey: ALICE.address,
    incentive: 0,
    consensus: 0,
    taoStakeRao: 2n ** 63n,
    alphaStakeRao: 2n ** 63n,
    totalStakeRao: 2n ** 63n,
    validatorPermit: true,
    lastUpdateBlock: 1000,
    ip: "0.0.0.0",
    ipType: 4,
    port: 32_000,
    protocol: 4,
  });
  expect(metagraph.neurons.slice(1)).toMatchObject([
    { uid: 1, hotkey: BOB.address, incentive: 600, consensus: 100, ip: "203.0.113.7", validatorPermit: false },
    { uid: 2, hotkey: CHARLIE.address, incentive: 1200, ip: "2001:db8::", ipType: 6, totalStakeRao: 1n },
  ]);
});

test("a metagraph whose column ends early is refused, not padded", async ({ node, chain }) => {
  node.runtimeCalls.set("SubnetInfoRuntimeApi_get_metagraph", () => metagraphAnswer(ROWS, { incentives: 2 }));
  await expect(chain.metagraph(64)).rejects.toMatchObject({
    code: "CHN001",
    message: expect.stringContaining("uid 2"),
  });
});

test("a subnet the runtime does not know is not found", async ({ node, chain }) => {
  node.runtimeCalls.set("SubnetInfoRuntimeApi_get_metagraph", () => option(undefined));
  await expect(chain.metagraph(64)).rejects.toMatchObject({ kind: "not_found" });
});

describe("on a runtime without the metagraph call", () => {
  const older = test.extend({ runtime: [{ onlyNeuronsLite: true }, { injected: true }] });

  function neuronLite(row: Row, uid: number): Buffer {
    const key = publicKeyOf(row.address);
    const stakes = list([Buffer.concat([key, compact(row.amount)]), Buffer.concat([key, compact(5)])]);
    const numbers = [compact(uid * 600), compact(uid), compact(1000)];
    return Buffer.concat([key, key, compact(uid), compact(64), axon(row), stakes, ...numbers, bool(uid === 0)]);
  }

  older("neurons come from the older call, by uid, with their stakes summed", async ({ node, chain }) => {
    node.addBlock({ extrinsics: [], timeMs: T0 });
    const rows = [...ROWS.entries()].reverse().map(([uid, row]) => neuronLite(row, uid));
    node.runtimeCalls.set("NeuronInfoRuntimeApi_get_neurons_lite", () => list(rows));
    const metagraph = await chain.metagraph(64);
    expect(metagraph.block).toBe(1);
    expect(metagraph.neurons.map((neuron) => neuron.hotkey)).toEqual(ROWS.map((row) => row.address));
    expect(metagraph.neurons[1]).toMatchObject({ totalStakeRao: 10_500_000_005n, taoStakeRao: 0n, incentive: 600 });
  });

  older("an empty answer is a subnet that does not exist", async ({ node, chain }) => {
    node.runtimeCalls.set("NeuronInfoRuntimeApi_get_neurons_lite", () => list([]));
    await expect(chain.metagraph(64)).rejects.toMatchObject({ kind: "not_found" });
  });
});

test("weight rules the chain never stored have the runtime's defaults", async ({ chain }) => {
  expect(await chain.weightRules(64)).toEqual({
    commitReveal: true,
    rateLimitBlocks: 100,
    versionKey: 0n,
    minAllowed: 1024,
    maxLimit: 1000,
  });
});

test("a validator that never set weights has an empty row", async ({ chain }) => {
  expect(await chain.weights(64, 3)).toEqual([]);
});
