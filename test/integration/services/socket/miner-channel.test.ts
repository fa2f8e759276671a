import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, expect } from "vitest";
import type { RegisteredMiner } from "../../../../src/domain/metagraph/miner.js";
import { CloseStack } from "../../../../src/kernel/lifecycle.js";
import { start } from "../../../../src/services/socket/index.js";
import { openMinerChannel } from "../../../../src/services/socket/miner-channel.js";
import { signedHeaders } from "../../../../src/wire/headers.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../../../../src/wire/keypair.js";
import { test as base } from "../../../support/fixtures.js";
import { serviceContext, until } from "../../../support/miner-services.js";
import { SocketClient } from "../../../support/socket-client.js";

let miner: Keypair;

beforeAll(async () => {
  await initCrypto();
  miner = keypairFromSeed("01".repeat(32));
});

interface Lab {
  /** What the metagraph answers; replaced by tests. */
  lookup: (hotkey: string) => Promise<RegisteredMiner | undefined>;
  /** Numbers of sessions, as the channel told them. */
  readonly counts: number[];
  connect(signer?: Keypair): SocketClient;
  open(patienceMs?: number): Promise<ReturnType<typeof openMinerChannel>>;
}

const test = base.extend<{ lab: Lab }>({
  lab: async ({ log }, use) => {
    const stack = new CloseStack();
    let url = "";
    const lab: Lab = {
      lookup: async (hotkey) => ({ hotkey, coldkey: "c", uid: 1, blacklistReason: null }),
      counts: [],
      connect: (signer) => {
        const client = new SocketClient(url, signer);
        stack.add(() => client.close());
        return client;
      },
      open: async (patienceMs) => {
        const server = createServer();
        const minerByHotkey = (hotkey: string) => lab.lookup(hotkey);
        const onSessions = (count: number) => lab.counts.push(count);
        const base = { minerByHotkey, netuid: 64, now: () => new Date(), log, onSessions };
        const options = { ...base, ...(patienceMs !== undefined && { patienceMs }) };
        const channel = stack.use(openMinerChannel(server, options));
        url = `http://127.0.0.1:${await listening(server)}`;
        return channel;
      },
    };
    await use(lab);
    await stack.close();
  },
});

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const signed = (now = new Date(), purpose = "sockets") => signedHeaders(miner, { purpose }, now);

test("a definitive failure is told once and ends the client for good", async ({ lab }) => {
  await lab.open();
  const old = new Date(Date.now() - 601_000);
  const lowerCase = Object.fromEntries(Object.entries(signed()).map(([name, value]) => [name.toLowerCase(), value]));
  const payloads = [
    signed(new Date(), "miner"),
    signed(old),
    lowerCase,
    "not an object",
    null,
    { "X-Chutes-Hotkey": 5 },
  ];
  const clients = payloads.map((payload) => {
    const client = lab.connect();
    client.socket.on("connect", () => client.authenticate(payload));
    return client;
  });
  for (const client of clients) {
    await until(() =>
      expect(client.named("auth_failed")).toEqual([{ error: expect.stringMatching(/^Authentication failed: ./) }]),
    );
    await until(() => expect(client.socket.active).toBe(false));
    expect(client.connects).toBe(1);
  }
});

test("a hotkey outside the metagraph is refused with the netuid", async ({ lab }) => {
  await lab.open();
  lab.lookup = async () => undefined;
  const client = lab.connect(miner);
  await until(() =>
    expect(client.named("auth_failed")).toEqual([
      { error: "Authentication failed: Hotkey is not registered on netuid 64" },
    ]),
  );
});

test("while the platform cannot tell, the transport closes and the client comes back until it can", async ({ lab }) => {
  await lab.open();
  const { lookup } = lab;
  lab.lookup = () => Promise.reject(new Error("the database is away"));
  const client = lab.connect(miner);
  await until(() => expect(client.connects).toBeGreaterThan(1));
  expect(client.named("auth_failed")).toEqual([]);
  lab.lookup = lookup;
  await until(() => expect(client.named("auth_success")).toHaveLength(1));
});

test("who does not authenticate in time is dropped, and may come back", async ({ lab }) => {
  const channel = await lab.open(50);
  const silent = lab.connect();
  await until(() => expect(silent.connects).toBeGreaterThan(1));
  const known = lab.connect(miner);
  await until(() => expect(known.named("auth_success")).toHaveLength(1));
  const before = silent.connects;
  await until(() => expect(silent.connects).toBeGreaterThan(before));
  expect([known.connects, channel.sessions()]).toEqual([1, 1]);
  expect(lab.counts.at(-1)).toBe(1);
  known.close();
  await until(() => expect(lab.counts.at(-1)).toBe(0));
});

test("a message of an unauthenticated client costs it the connection; an authenticated one is ignored", async ({
  lab,
}) => {
  await lab.open();
  const [stranger, known] = [lab.connect(), lab.connect(miner)];
  await until(() => expect(known.named("auth_success")).toHaveLength(1));
  await until(() => expect(stranger.connects).toBe(1));
  for (const client of [stranger, known]) client.socket.emit("miner_message", { any: "thing" });
  await until(() => expect(stranger.connects).toBe(2));
  expect(known.connects).toBe(1);
});

test("authenticating twice on one connection is answered once", async ({ lab }) => {
  const channel = await lab.open();
  const client = lab.connect(miner);
  await until(() => expect(client.named("auth_success")).toHaveLength(1));
  client.authenticate(signed());
  channel.broadcast({ reason: "after", data: {} });
  await until(() => expect(client.reasons("miner_broadcast")).toEqual(["after"]));
  expect(client.named("auth_success")).toHaveLength(1);
});

test("what is not a broadcast is dropped, and the next one still arrives", async ({ lab }) => {
  const channel = await lab.open();
  const client = lab.connect(miner);
  await until(() => expect(client.named("auth_success")).toHaveLength(1));
  for (const message of [null, "text", [1], { reason: "x", filter_recipients: "everybody" }])
    channel.broadcast(message);
  channel.broadcast({ reason: "fine", data: {}, filter_recipients: null });
  await until(() => expect(client.reasons("miner_broadcast")).toEqual(["fine"]));
});

test("the service runs behind a front that hands connections over", async ({ databaseUrl, log }) => {
  const context = serviceContext({ databaseUrl, redisUrl: `memory:${randomUUID()}`, log });
  const service = await start(context, { listen: false });
  const front = createServer((request, response) => void service.server.emit("request", request, response));
  front.on("upgrade", (request, socket, head) => void service.server.emit("upgrade", request, socket, head));
  const port = await listening(front);
  const client = new SocketClient(`http://127.0.0.1:${port}`, miner);
  await until(() => expect(client.named("auth_failed")).toHaveLength(1));
  const metrics = await fetch(`http://127.0.0.1:${port}/_metrics`);
  expect(await metrics.text()).toContain("miner_broadcasts_total");
  expect((await fetch(`http://127.0.0.1:${port}/other`)).status).toBe(404);
  client.close();
  await service.close();
  front.closeAllConnections();
  front.close();
});
