import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished } from "vitest";
import { openLocalRpc } from "../../../src/infra/chain/local-rpc.js";
import { serveLocalChain } from "../../../src/local/chain/chain-server.js";
import { keypairFromSeed } from "../../../src/wire/keypair.js";
import { ALICE, BOB } from "../../fakes/chain-accounts.js";
import { type ChainUnderTest, startLocalChain } from "../../fakes/chain-local.js";
import { test as base } from "../../support/fixtures.js";

const test = base.extend<{ net: ChainUnderTest }>({
  net: async ({ db, log }, use) => {
    const net = await startLocalChain({ db, log });
    await net.chain.register([{ hotkey: ALICE.address, coldkey: ALICE.address, validatorPermit: true }]);
    await use(net);
    await net.close();
  },
});

async function post(url: string, body: string, path = "/rpc") {
  const response = await fetch(new URL(path, url), { method: "POST", body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

interface Forgery {
  readonly seed?: string;
  readonly hotkey?: string;
  readonly genesisHash?: string;
  readonly nonce?: string;
}

/** The body of a submission made by hand, with one thing wrong at choice. */
async function signedBody(net: ChainUnderTest, forgery: Forgery = {}): Promise<string> {
  const { genesisHash } = await net.chain.account(ALICE.address);
  const payload = JSON.stringify({
    call: { method: "set_commitment", netuid: 64, sha256: "ab".repeat(32) },
    genesisHash: forgery.genesisHash ?? genesisHash,
    hotkey: forgery.hotkey ?? ALICE.address,
    nonce: forgery.nonce ?? "1",
  });
  const signature = Buffer.from(keypairFromSeed(forgery.seed ?? ALICE.seed).sign(payload)).toString("hex");
  return JSON.stringify({ method: "submit", params: { payload, signature } });
}

test("a submission counts once: its replay is stale, and so is an older nonce", async ({ net }) => {
  const body = await signedBody(net, { nonce: "5" });
  expect((await post(net.url, body)).status).toBe(200);
  const stale = { status: 409, body: { detail: "the chain refused set_commitment: Stale", error: "Stale" } };
  expect(await post(net.url, body)).toEqual(stale);
  expect(await post(net.url, await signedBody(net, { nonce: "4" }))).toEqual(stale);
  expect((await net.chain.account(ALICE.address)).nextNonce).toBe(6n);
});

test("a refused submission cannot be replayed when the rules let it through", async ({ net }) => {
  const body = await signedBody(net, { seed: BOB.seed, hotkey: BOB.address });
  expect((await post(net.url, body)).body).toMatchObject({ error: "AccountNotAllowedCommit" });
  await net.chain.register([{ hotkey: BOB.address, coldkey: BOB.address }]);
  expect((await post(net.url, body)).body).toMatchObject({ error: "Stale" });
});

test("a submission signed by another key, or made for another chain, is a bad proof and spends no nonce", async ({
  net,
}) => {
  const forgeries: Forgery[] = [{ seed: BOB.seed }, { genesisHash: `0x${"00".repeat(32)}` }];
  for (const forgery of forgeries) {
    expect((await post(net.url, await signedBody(net, forgery))).body).toMatchObject({ error: "BadProof" });
  }
  expect((await net.chain.account(ALICE.address)).nextNonce).toBe(1n);
});

test("text changed after signing is a bad proof", async ({ net }) => {
  const body = await signedBody(net);
  expect((await post(net.url, body.replace("ab".repeat(32), "ba".repeat(32)))).body).toMatchObject({
    error: "BadProof",
  });
});

test("bad requests are each answered with their own message", async ({ net }) => {
  const requests: [string, string, number, string][] = [
    ["not JSON", "{", 400, "the request is not JSON"],
    ["not an object", "[]", 400, "the request is not an object with a method"],
    ["without a method", "{}", 400, "the request is not an object with a method"],
    ["for an unknown method", '{"method":"sudo"}', 400, 'the local chain has no method "sudo"'],
    ["with a uid beyond u16", '{"method":"weights","params":{"netuid":64,"uid":65536}}', 400, "params: /uid"],
    ["without parameters", '{"method":"metagraph"}', 400, "params:"],
    [
      "with a payload that is not JSON",
      '{"method":"submit","params":{"payload":"x","signature":""}}',
      400,
      "submission:",
    ],
    [
      "with a payload of another shape",
      '{"method":"submit","params":{"payload":"{}","signature":""}}',
      400,
      "submission:",
    ],
    ["longer than the limit", " ".repeat(600_000), 413, "the request is longer than 524288 bytes"],
  ];
  for (const [what, body, status, detail] of requests) {
    const answer = await post(net.url, body);
    expect.soft(answer.status, what).toBe(status);
    expect.soft(answer.body["detail"], what).toContain(detail);
  }
});

test("an address with a broken checksum is refused before its signature is looked at", async ({ net }) => {
  const answer = await post(net.url, await signedBody(net, { hotkey: ALICE.address.replace("utQY", "utQZ") }));
  expect(answer).toEqual({ status: 400, body: { detail: "submission: an address is not a valid SS58 address" } });
});

test("other paths and verbs are named", async ({ net }) => {
  expect((await post(net.url, "{}", "/")).status).toBe(404);
  const response = await fetch(new URL("/rpc", net.url));
  expect([response.status, await response.json()]).toEqual([405, { detail: "the local chain takes POST only" }]);
});

test("two processes on one database are one chain", async ({ net, db, log }) => {
  const other = await startLocalChain({ db, log });
  onTestFinished(() => other.close());
  other.passBlocks(7);
  const alice = keypairFromSeed(ALICE.seed);
  const commit = (at: ChainUnderTest) => at.client.setCommitment(alice, { netuid: 64, sha256Hex: "cd".repeat(32) });
  const [here, there] = await Promise.all([commit(net), commit(other)]);
  await commit(net);
  expect((await net.client.head()).number).toBe(Math.max(here.block, there.block));
  expect((await other.chain.account(ALICE.address)).nextNonce).toBe(4n);
});

test("a port in use is named with its code", async ({ net, log }) => {
  const port = Number(new URL(net.url).port);
  await expect(serveLocalChain(net.chain, log, { host: "127.0.0.1", port })).rejects.toMatchObject({ code: "NET001" });
});

async function serverThat(answers: RequestListener): Promise<string> {
  const server = createServer(answers);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.for<[string, RequestListener]>([
  ["says nothing", () => undefined],
  ["stops half way", (_, response) => response.write('{"result":')],
  ["answers with a page", (_, response) => response.end("<html>")],
  ["answers with another shape", (_, response) => response.end('{"result":{"number":-1}}')],
  ["fails", (_, response) => response.writeHead(502).end('{"detail":"Bad gateway"}')],
  ["never stops talking", (_, response) => response.end(`"${"x".repeat(5_000_000)}"`)],
])("a node that %s is unavailable", async ([, answers]) => {
  const client = openLocalRpc({ url: await serverThat(answers), timeoutMs: 300 });
  await expect(client.head()).rejects.toMatchObject({ kind: "unavailable", code: "CHN001" });
});

test("a node that is not there is unavailable and named by host only", async () => {
  const url = await serverThat(() => undefined);
  const client = openLocalRpc({
    url: url.replace("http://", "http://user:hush@").replace(/:\d+$/, ":9"),
    timeoutMs: 2000,
  });
  const error: unknown = await client.head().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: "unavailable", code: "CHN001" });
  expect(String(error)).toContain("127.0.0.1:9");
  expect(String(error)).not.toContain("hush");
});

test("coins are handed out, counted, and sent on whole: the chain keeps its fee", async ({ net }) => {
  const fund = { method: "fund", params: { address: ALICE.address, amountRao: "5000000000" } };
  expect(await post(net.url, JSON.stringify(fund))).toEqual({ status: 200, body: { result: "5000000000" } });
  expect(await net.client.freeBalance(ALICE.address)).toBe(5_000_000_000n);
  expect(await net.client.freeBalance(BOB.address)).toBe(0n);
  const sent = await net.client.transferAll({ from: keypairFromSeed(ALICE.seed), to: BOB.address });
  expect(sent).toEqual({ amountRao: 5_000_000_000n, block: (await net.client.head()).number });
  expect(await net.client.freeBalance(ALICE.address)).toBe(0n);
  expect(await net.client.freeBalance(BOB.address)).toBe(4_999_950_000n);
});

test("nothing is sent from an empty address, nor to what is no address", async ({ net }) => {
  const from = keypairFromSeed(ALICE.seed);
  const empty = net.client.transferAll({ from, to: BOB.address });
  await expect(empty).rejects.toMatchObject({ code: "CHN002", detail: { chainError: "InsufficientBalance" } });
  await net.chain.fund(ALICE.address, 1_000_000n);
  const nowhere = `${BOB.address.slice(0, -1)}z`;
  await expect(net.client.transferAll({ from, to: nowhere })).rejects.toMatchObject({ kind: "invalid" });
  await expect(net.chain.fund(nowhere, 1n)).rejects.toMatchObject({ kind: "invalid" });
  expect(await net.client.freeBalance(ALICE.address)).toBe(1_000_000n);
});
