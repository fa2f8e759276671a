import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { readWholeAnswer } from "../../../../src/infra/instances/instance-body.js";
import { type InstanceClient, openInstanceClient } from "../../../../src/infra/instances/instance-client.js";
import { InstanceLines } from "../../../../src/infra/instances/instance-lines.js";
import type { Running } from "../../../../src/kernel/lifecycle.js";
import type { InstanceTarget, InstanceTransport } from "../../../../src/wire/instance-transport.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../../../../src/wire/keypair.js";
import { type FakeInstance, type FakeInstanceOptions, startFakeInstance } from "../../../fakes/instance.js";

const MINER = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BODY = Buffer.from('{"text":"hi"}');
let signer: Keypair;
const opened: Running[] = [];
beforeAll(async () => {
  await initCrypto();
  signer = keypairFromSeed("02".repeat(32));
});
afterEach(async () => {
  for (const running of opened.splice(0).reverse()) await running.close();
});

function keep<T extends Running>(running: T): T {
  opened.push(running);
  return running;
}

function client(options: Partial<Parameters<typeof openInstanceClient>[0]> = {}): InstanceClient {
  return keep(openInstanceClient({ signer, connectTimeoutMs: 2000, ...options }));
}

async function instance(options: Partial<FakeInstanceOptions> = {}): Promise<FakeInstance> {
  const behave = () => ({ kind: "json", value: { ok: true } }) as const;
  return keep(await startFakeInstance({ minerHotkey: MINER, validatorHotkey: signer.address, behave, ...options }));
}

function targetOf(
  server: Pick<FakeInstance, "port" | "transport">,
  changes: Partial<InstanceTarget> = {},
): InstanceTarget {
  return {
    instanceId: "i1",
    chuteId: "c1",
    minerUid: 1,
    minerHotkey: MINER,
    minerColdkey: "cold",
    host: "127.0.0.1",
    port: server.port,
    chutesVersion: "0.6.10",
    configId: null,
    symmetricKeyHex: null,
    transport: server.transport,
    computeMultiplier: 1,
    billedTo: null,
    bounty: false,
    createdAt: new Date(),
    activatedAt: new Date(),
    ...changes,
  };
}

const call = (changes: { signal?: AbortSignal; silenceMs?: number; now?: Date } = {}) => ({
  path: "/echo",
  body: BODY,
  signal: new AbortController().signal,
  silenceMs: 5000,
  now: new Date(),
  ...changes,
});

test("04 §6: the instance gets a signed call under an encrypted path, and its answer is decrypted", async () => {
  const server = await instance();
  const answer = await client().call(targetOf(server), call());
  expect(answer.status).toBe(200);
  expect(await readWholeAnswer(answer)).toEqual({ kind: "json", bytes: Buffer.from('{"ok":true}') });
  expect(server.calls).toMatchObject([{ path: "/echo", payload: { text: "hi" } }]);
  const [seen] = server.calls;
  expect(seen?.headers[":path"]).toMatch(/^\/[0-9a-f]{104}$/);
  expect(seen?.headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect(seen?.headers[":authority"]).toBe(`${server.configId}.int.chutes.dev:${server.port}`);
});

test("04 §19.6: a nonce of 540 seconds ago is refused", async () => {
  const server = await instance();
  const status = async (secondsAgo: number) =>
    (await client().call(targetOf(server), call({ now: new Date(Date.now() - secondsAgo * 1000) }))).status;
  expect([await status(530), await status(541)]).toEqual([200, 401]);
});

test("a wrapped response keeps its status, type and headers", async () => {
  const wrapped = {
    type: "Response",
    status_code: 201,
    media_type: "image/png",
    headers: { "Cache-Control": "no-store", n: 1 },
  };
  const server = await instance({ behave: () => ({ kind: "response", wrapped, bytes: Buffer.from([1, 2, 3]) }) });
  expect(await readWholeAnswer(await client().call(targetOf(server), call()))).toEqual({
    kind: "response",
    bytes: Buffer.from([1, 2, 3]),
    status: 201,
    mediaType: "image/png",
    headers: { "Cache-Control": "no-store" },
  });
});

test("large answers and lines arrive whole", async () => {
  const big = "x".repeat(3_000_000);
  let isStream = false;
  const server = await instance({
    behave: () => (isStream ? { kind: "stream", lines: [big, "y"] } : { kind: "json", value: big }),
  });
  const clients = client();
  const whole = await readWholeAnswer(await clients.call(targetOf(server), call()));
  expect(whole.bytes.length).toBe(big.length + 2);
  isStream = true;
  const answer = await clients.call(targetOf(server), call());
  const lines: Buffer[] = [];
  for await (const batch of new InstanceLines(answer.stream, answer.key)) lines.push(...batch);
  expect(lines.map((line) => line.length)).toEqual([big.length, 1]);
});

test("calls share one connection, and a new one is made when the instance comes back elsewhere", async () => {
  const first = await instance();
  const second = await instance();
  const clients = client();
  const ask = async (server: FakeInstance) => readWholeAnswer(await clients.call(targetOf(server), call()));
  await Promise.all([ask(first), ask(first), ask(first)]);
  await ask(first);
  expect(first.connections()).toBe(1);
  await ask(second);
  expect([first.calls.length, second.calls.length]).toEqual([4, 1]);
});

test("a connection that died while idle is replaced without the caller noticing", async () => {
  const server = await instance();
  const clients = client();
  await readWholeAnswer(await clients.call(targetOf(server), call()));
  server.dropConnections();
  await vi.waitFor(() => expect(server.connections()).toBe(0));
  await readWholeAnswer(await clients.call(targetOf(server), call()));
  expect(server.calls).toHaveLength(2);
});

test("an idle connection is closed, a busy one is not", async () => {
  const server = await instance({ behave: () => ({ kind: "hang" }) });
  const clients = client({ idleMs: 50 });
  const stop = new AbortController();
  const hanging = clients.call(targetOf(server), call({ signal: stop.signal }));
  await vi.waitFor(() => expect(server.calls).toHaveLength(1));
  await delay(120);
  expect(server.connections()).toBe(1);
  stop.abort();
  await expect(hanging).rejects.toMatchObject({ kind: "aborted" });
  await vi.waitFor(() => expect(server.connections()).toBe(0));
});

test("of too many connections the one unused for longest goes", async () => {
  const servers = [await instance(), await instance(), await instance()];
  const clients = client({ maxSessions: 2 });
  for (const [index, server] of servers.entries()) {
    await readWholeAnswer(await clients.call(targetOf(server, { instanceId: `i${index}` }), call()));
  }
  await vi.waitFor(() => expect(servers.map((server) => server.connections())).toEqual([0, 1, 1]));
});

test("an evicted instance's calls end", async () => {
  const server = await instance({ behave: () => ({ kind: "hang" }) });
  const clients = client();
  const hanging = clients.call(targetOf(server), call());
  await vi.waitFor(() => expect(server.calls).toHaveLength(1));
  clients.evict("i1");
  await expect(hanging).rejects.toMatchObject({ kind: "unavailable" });
});

test("04 §8.5: giving a call up resets its stream at the instance, others go on", async () => {
  const server = await instance({ behave: ({ headers }) => (headers ? { kind: "hang" } : { kind: "garbage" }) });
  const clients = client();
  const stop = new AbortController();
  const givenUp = clients.call(targetOf(server), call({ signal: stop.signal }));
  const other = clients.call(targetOf(server), call());
  other.catch(() => undefined);
  await vi.waitFor(() => expect(server.calls).toHaveLength(2));
  stop.abort();
  await expect(givenUp).rejects.toMatchObject({ kind: "aborted" });
  await vi.waitFor(() => expect(server.calls.filter(({ resetAt }) => resetAt !== undefined)).toHaveLength(1));
  expect(server.connections()).toBe(1);
});

test("a call that was given up before it began is not sent", async () => {
  const server = await instance();
  await expect(client().call(targetOf(server), call({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
    kind: "aborted",
  });
});

test("an instance that stays silent is given up", async () => {
  const server = await instance({ behave: () => ({ kind: "hang" }) });
  await expect(client().call(targetOf(server), call({ silenceMs: 60 }))).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("silent"),
  });
});

test("an instance that takes connections but never speaks TLS is given up", async () => {
  const sockets = new Set<Socket>();
  const mute: Server = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
  await once(mute, "listening");
  keep({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    },
  });
  const { transport } = await instance();
  const target = targetOf({ port: (mute.address() as AddressInfo).port, transport });
  await expect(client({ connectTimeoutMs: 80 }).call(target, call())).rejects.toMatchObject({
    kind: "unavailable",
    message: "connecting took too long",
  });
});

test("an instance whose host vanishes without a word is given up", async () => {
  const server = await instance({ behave: () => ({ kind: "hang" }) });
  let isCut = false;
  const relay = createServer((near) => {
    const far = connect(server.port, "127.0.0.1");
    near.on("data", (bytes) => isCut || far.write(bytes));
    far.on("data", (bytes) => isCut || near.write(bytes));
    near.on("error", () => far.destroy());
    near.on("close", () => far.destroy());
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  keep({ close: async () => void relay.close() });
  const { port } = relay.address() as AddressInfo;
  const hanging = client({ pulseMs: 200 }).call(targetOf({ ...server, port }), call());
  const outcome = expect(hanging).rejects.toMatchObject({ message: "the connection to the instance is dead" });
  await vi.waitFor(() => expect(server.calls).toHaveLength(1));
  isCut = true;
  await outcome;
});

test("nobody listens: the error is the system's, and the next call tries again", async () => {
  const server = await instance();
  const target = targetOf(server);
  const clients = client();
  await server.close();
  opened.splice(opened.indexOf(server), 1);
  await expect(clients.call(target, call())).rejects.toThrow("ECONNREFUSED");
  await expect(clients.call(target, call())).rejects.toThrow("ECONNREFUSED");
});

const withTls = (transport: InstanceTransport, changes: Partial<NonNullable<InstanceTransport["tls"]>>) => {
  if (transport.tls === undefined) throw new Error("the fake always has certificates");
  return { ...transport, tls: { ...transport.tls, ...changes } };
};
const without = <T extends object>(value: T, ...names: (keyof T)[]): T =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name as keyof T))) as T;

test("04 §6.1: another instance's certificate is refused", async () => {
  const server = await instance();
  const other = await instance();
  const wrongCa = withTls(server.transport, { caPem: other.transport.tls?.caPem ?? "" });
  await expect(client().call(targetOf({ ...server, transport: wrongCa }), call())).rejects.toThrow(/certificate/);
  const wrongName = withTls(server.transport, { commonName: "someone-else.int.chutes.dev" });
  await expect(client().call(targetOf({ ...server, transport: wrongName }), call())).rejects.toThrow(
    /Hostname\/IP does not match/,
  );
});

test("04 §6.1: without a CA the instance's own certificate is trusted", async () => {
  const server = await instance();
  const tls = without(server.transport.tls ?? { commonName: "", certPem: "" }, "caPem");
  const answer = await client().call(targetOf({ ...server, transport: { ...server.transport, tls } }), call());
  expect(answer.status).toBe(200);
});

test("04 §6.1: a certificate without alternative names is known by its common name", async () => {
  const server = await instance({ hasAlternativeName: false });
  expect((await client().call(targetOf(server), call())).status).toBe(200);
  const wrongName = withTls(server.transport, { commonName: "someone-else.int.chutes.dev" });
  await expect(client().call(targetOf({ ...server, transport: wrongName }), call())).rejects.toThrow();
});

test("04 §6.1: the instance refuses callers without its client certificate", async () => {
  const server = await instance();
  const tls = without(server.transport.tls ?? { commonName: "", certPem: "" }, "clientCertPem", "clientKeyPem");
  await expect(
    client().call(targetOf({ ...server, transport: { ...server.transport, tls } }), call()),
  ).rejects.toBeInstanceOf(Error);
  expect(server.calls).toHaveLength(0);
});

test.each([
  { what: "no key", changes: { transport: {} } },
  { what: "a runtime of an older cipher", changes: { chutesVersion: "0.5.4" } },
  { what: "an unknown runtime", changes: { chutesVersion: null } },
])("04 §6.3: an instance with $what needs a new key exchange", async ({ changes }) => {
  const server = await instance();
  await expect(client().call(targetOf(server, changes), call())).rejects.toMatchObject({ kind: "forbidden" });
});

test("an answer that does not decrypt is refused", async () => {
  const server = await instance({ behave: () => ({ kind: "garbage" }) });
  const answer = await client().call(targetOf(server), call());
  await expect(readWholeAnswer(answer)).rejects.toMatchObject({ kind: "invalid" });
});

test("a stream that breaks off gives what came before, then fails", async () => {
  const server = await instance({ behave: () => ({ kind: "break", lines: ["a", "b"] }) });
  const answer = await client().call(targetOf(server), call());
  const lines: string[] = [];
  const read = async () => {
    for await (const batch of new InstanceLines(answer.stream, answer.key)) lines.push(...batch.map(String));
  };
  await expect(read()).rejects.toMatchObject({ kind: "unavailable" });
  expect(lines).toEqual(["a", "b"]);
});

test("a whole answer that breaks off fails", async () => {
  const server = await instance({ behave: () => ({ kind: "break", lines: ["a"] }) });
  await expect(readWholeAnswer(await client().call(targetOf(server), call()))).rejects.toMatchObject({
    kind: "unavailable",
  });
});

test("04 §18.4: a slow reader holds the instance back", async () => {
  // Compressible lines would all fit into the windows of both sides.
  const line = randomBytes(48 * 1024);
  let made = 0;
  async function* lines() {
    for (; made < 300; made += 1) yield line;
  }
  const server = await instance({ behave: () => ({ kind: "stream", lines: lines(), respectsBackPressure: true }) });
  const answer = await client().call(targetOf(server), call());
  const iterator = new InstanceLines(answer.stream, answer.key);
  await vi.waitFor(() => expect(made).toBeGreaterThan(10));
  await delay(200);
  const stuckAt = made;
  await delay(200);
  expect(made).toBe(stuckAt);
  expect(stuckAt).toBeLessThan(200);
  let read = 0;
  for await (const batch of iterator) read += batch.length;
  expect(read).toBe(300);
});
