import { blake2AsU8a } from "@polkadot/util-crypto";
import { describe, expect } from "vitest";
import { chainErrorName } from "../../../src/infra/chain/errors.js";
import { openSubtensor } from "../../../src/infra/chain/subtensor.js";
import { createLogger } from "../../../src/kernel/logger.js";
import { keypairFromSeed, verifySr25519 } from "../../../src/wire/keypair.js";
import { ALICE } from "../../fakes/chain-accounts.js";
import { nodeTest as test } from "../../fakes/chain-fixtures.js";
import { SUBTENSOR_ERRORS } from "../../fakes/chain-metadata.js";
import type { FakeNode, Submitted, Verdict } from "../../fakes/chain-node.js";

const COMMIT_REVEAL_64 = "0x658faa385070e074c85bf6b568cf05558fb0d3eb3d4ea01122652b09d1d43c654000";
const COMMITMENT = { netuid: 64, sha256Hex: "00112233445566778899aabbccddeeff".repeat(2) };

test.beforeEach(({ node }) => {
  for (let block = 1; block <= 20; block += 1) node.addBlock({ extrinsics: [], timeMs: block * 12_000 });
});

function givenPlainWeights(node: FakeNode): void {
  node.storage.set(COMMIT_REVEAL_64, "0x00");
}

function isSigned({ payload, signature, publicKey }: Submitted): boolean {
  const message = payload.length > 256 ? blake2AsU8a(payload, 256) : payload;
  return verifySr25519({ message, signature, publicKey });
}

test("a call is signed over the bytes the chain will check, and its block is the answer", async ({ node, chain }) => {
  node.nextNonce = 7;
  const included = await chain.setCommitment(keypairFromSeed(ALICE.seed), COMMITMENT);
  expect(included).toEqual({ block: 21, blockHash: node.blocks[21]?.hash });
  expect(node.submitted).toHaveLength(1);
  const [sent] = node.submitted;
  expect(sent?.nonce).toBe(7);
  expect(sent && isSigned(sent)).toBe(true);
});

test("a payload beyond 256 bytes is hashed before it is signed", async ({ node, chain }) => {
  givenPlainWeights(node);
  const weights = Array.from({ length: 200 }, (_, uid) => ({ uid, value: 65_535 - uid }));
  await chain.setWeights(keypairFromSeed(ALICE.seed), { netuid: 64, weights, versionKey: 1n });
  const [sent] = node.submitted;
  expect(sent?.payload.length).toBeGreaterThan(800);
  expect(sent && isSigned(sent)).toBe(true);
});

test("weights are not sent to a subnet that wants them committed", async ({ node, chain }) => {
  const work = chain.setWeights(keypairFromSeed(ALICE.seed), {
    netuid: 64,
    weights: [{ uid: 1, value: 1 }],
    versionKey: 1n,
  });
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: "conflict", code: "CHN002", message: expect.stringContaining("commit-reveal") });
  expect(chainErrorName(error)).toBe("CommitRevealEnabled");
  expect(node.submitted).toEqual([]);
});

test.for<[string, Verdict, string]>([
  ["fails in its block", { kind: "failed", pallet: 7, error: 1 }, SUBTENSOR_ERRORS[1] ?? ""],
  [
    "fails the chain's early checks",
    { kind: "pool", code: 1010, message: "Invalid Transaction", data: "Custom error: 6" },
    "SettingWeightsTooFast",
  ],
  [
    "fails an early check without a name",
    { kind: "pool", code: 1010, message: "Invalid Transaction", data: "Custom error: 99" },
    "Custom error 99",
  ],
  ["is turned down by the pool", { kind: "pool", code: 1014, message: "Priority is too low" }, "Priority is too low"],
  ["is dropped", { kind: "dropped" }, "Dropped"],
])("a call that %s is refused by name", async ([, verdict, name], { node, chain }) => {
  givenPlainWeights(node);
  node.verdict = verdict;
  const work = chain.setWeights(keypairFromSeed(ALICE.seed), {
    netuid: 64,
    weights: [{ uid: 1, value: 1 }],
    versionKey: 1n,
  });
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: "conflict", code: "CHN002", message: `the chain refused set_weights: ${name}` });
  expect(chainErrorName(error)).toBe(name);
});

describe("with a short time limit", () => {
  const hasty = test.extend({ timeoutMs: [800, { injected: true }] });

  hasty("a call that no block takes in time is unavailable", async ({ node, chain }) => {
    await chain.head();
    node.verdict = { kind: "silent" };
    await expect(chain.setCommitment(keypairFromSeed(ALICE.seed), COMMITMENT)).rejects.toMatchObject({
      code: "CHN001",
      message: expect.stringContaining("no answer in 4800 ms"),
    });
  });

  hasty("a node that does not answer one method is unavailable for it only", async ({ node, chain }) => {
    await chain.head();
    node.mute.add("chain_getFinalizedHead");
    await expect(chain.finalizedHead()).rejects.toMatchObject({ kind: "unavailable", code: "CHN001" });
    expect((await chain.head()).number).toBe(20);
  });

  hasty("a node that never introduces itself is unavailable, and usable once it does", async ({ node, chain }) => {
    node.mute.add("system_chain");
    await expect(chain.head()).rejects.toMatchObject({ kind: "unavailable", code: "CHN001" });
    node.mute.delete("system_chain");
    await expect
      .poll(
        () =>
          chain.head().then(
            (head) => head.number,
            () => -1,
          ),
        { timeout: 8000 },
      )
      .toBe(20);
  });
});

describe("on a runtime with an extension we do not know", () => {
  const extension = (carriesByte: boolean) => ({ extraExtension: { name: "ShieldedTransaction", carriesByte } });

  test.extend({ runtime: [extension(false), { injected: true }] })(
    "an empty one is passed over",
    async ({ node, chain }) => {
      await chain.setCommitment(keypairFromSeed(ALICE.seed), COMMITMENT);
      expect(node.submitted.map(isSigned)).toEqual([true]);
    },
  );

  test.extend({ runtime: [extension(true), { injected: true }] })(
    "one that carries bytes stops us",
    async ({ node, chain }) => {
      await expect(chain.setCommitment(keypairFromSeed(ALICE.seed), COMMITMENT)).rejects.toMatchObject({
        kind: "unavailable",
        message: expect.stringContaining("ShieldedTransaction"),
      });
      expect(node.submitted).toEqual([]);
    },
  );
});

test("a dropped connection is opened again by itself", async ({ node, chain }) => {
  await chain.head();
  node.dropClients();
  node.addBlock({ extrinsics: [], timeMs: 5 });
  await expect
    .poll(
      () =>
        chain.head().then(
          (head) => head.number,
          () => -1,
        ),
      { timeout: 8000 },
    )
    .toBe(21);
});

test("a node that is not there is unavailable, named by host only", async ({ node }) => {
  const url = `${node.url}/?key=hush`;
  await node.close();
  const chain = openSubtensor({ url, timeoutMs: 2000 }, createLogger({ level: "silent", secrets: [] }));
  const error: unknown = await chain.head().catch((thrown: unknown) => thrown);
  await chain.close();
  expect(error).toMatchObject({ kind: "unavailable", code: "CHN001" });
  expect(String(error)).toContain(new URL(url).host);
  expect(String(error)).not.toContain("hush");
});
