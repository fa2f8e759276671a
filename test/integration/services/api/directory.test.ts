import type { KyselyPlugin } from "kysely";
import { expect } from "vitest";
import type { Invalidation } from "../../../../src/domain/outbox/outbox-repository.js";
import { publish } from "../../../../src/infra/redis/pubsub.js";
import { openDirectory } from "../../../../src/services/api/directory/directory.js";
import {
  type AccountApi,
  call,
  deploy,
  givenDeveloper,
  givenImage,
  NOW,
  newSigner,
  type startAccountApi,
} from "../../../support/account-api.js";
import { test } from "../../../support/account-test.js";

/** Counts statements on their way to the database. */
function statementCounter(): KyselyPlugin & { count: number } {
  return {
    count: 0,
    transformQuery(args) {
      this.count += 1;
      return args.node;
    },
    transformResult: async (args) => args.result,
  };
}

/** A directory of its own beside the api's, with a counted database: another replica. */
async function givenReplica(api: AccountApi, log: Parameters<typeof startAccountApi>[0]["log"]) {
  const counter = statementCounter();
  const db = api.db.withPlugin(counter);
  const { redis, clock } = api;
  const { signal } = new AbortController();
  const directory = await openDirectory({ db, redis, log, signal, now: () => clock.now, netuid: api.config.netuid });
  return { directory, counter };
}

test("a warm directory answers without SQL", async ({ api, db, log }) => {
  const alice = await givenDeveloper(api, { username: "alice", permissions: 16 });
  await givenImage(api, alice);
  const chute = (await deploy(api, alice, { name: "org/model" })).json();
  const created = await call(api, { url: "/api_keys/", body: { name: "k", admin: true }, signer: alice.signer });
  const key: string = created.json().secret_key;
  const miner = newSigner().address;
  const node = { netuid: api.config.netuid, hotkey: miner, coldkey: miner, checksum: "", node_id: 5 };
  await db
    .insertInto("metagraph_nodes")
    .values({ ...node, synced_at: NOW })
    .execute();
  await db
    .insertInto("chute_shares")
    .values({ chute_id: chute.chute_id, shared_by: alice.userId, shared_to: alice.userId, shared_at: NOW })
    .execute();
  const { directory, counter } = await givenReplica(api, log);
  const share = { chuteId: chute.chute_id, userId: alice.userId };
  const askEverything = () =>
    Promise.all([
      directory.accountByApiKey(key),
      directory.accountByHotkey(alice.signer.address),
      directory.accountById(alice.userId),
      directory.chuteById(chute.chute_id),
      directory.chuteBySlug(chute.slug),
      directory.chutesNamed("ORG/model"),
      directory.chuteOf(alice.userId, "Org/Model"),
      directory.isSharedWith(share),
      directory.minerByHotkey(miner),
      directory.accountByHotkey("nobody"),
      directory.chuteBySlug("nothing"),
      directory.chutesNamed("nothing"),
      directory.isSharedWith({ ...share, userId: "nobody" }),
      directory.minerByHotkey("nobody"),
    ]);
  const cold = await askEverything();
  expect(counter.count).toBeGreaterThan(8);
  counter.count = 0;
  for (let times = 0; times < 3; times += 1) expect(await askEverything()).toEqual(cold);
  expect(counter.count).toBe(0);
  const [byKey, byHotkey, byId, byChuteId, bySlug, named, own, shared, registered, ...nothing] = cold;
  expect(byKey?.account).toEqual(byId);
  expect(byHotkey).toMatchObject({ username: "alice", permissions: 16 });
  expect(byChuteId).toMatchObject({ name: "org/model", ownerUsername: "alice", imageUserId: alice.userId, tee: false });
  expect(bySlug).toEqual(byChuteId);
  expect(own).toEqual(byChuteId);
  expect(named).toEqual([byChuteId]);
  expect(shared).toBe(true);
  expect(registered).toEqual({ hotkey: miner, coldkey: miner, uid: 5, blacklistReason: null });
  expect(nothing).toEqual([undefined, undefined, [], false, undefined]);
  await directory.close();
});

test("a wrong secret of a known key costs no SQL", async ({ api, log }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const created = await call(api, { url: "/api_keys/", body: { name: "k", admin: true }, signer: alice.signer });
  const key: string = created.json().secret_key;
  const { directory, counter } = await givenReplica(api, log);
  await directory.accountByApiKey(key);
  counter.count = 0;
  for (const letter of ["A", "B", "C"])
    expect(await directory.accountByApiKey(`${key.slice(0, -8)}${letter.repeat(8)}`)).toBeUndefined();
  expect(counter.count).toBe(0);
  await directory.close();
});

test("announced changes are seen at once, unannounced ones within 30 s", async ({ api, db, log }) => {
  const alice = await givenDeveloper(api, { username: "alice", permissions: 16 });
  await givenImage(api, alice);
  const { chute_id } = (await deploy(api, alice, { name: "org/model" })).json();
  const { directory } = await givenReplica(api, log);
  const announce = (change: Invalidation) => publish(api.redis, "cache_invalidate", change);
  await directory.chuteById(chute_id);
  await db.updateTable("chutes").set({ disabled: true }).execute();
  expect((await directory.chuteById(chute_id))?.disabled).toBe(false);
  await announce({ kind: "chute", id: chute_id });
  await expect.poll(async () => (await directory.chuteById(chute_id))?.disabled).toBe(true);

  expect(await directory.accountById(alice.userId)).toMatchObject({ permissions: 16 });
  await db.updateTable("users").set({ permissions_bitmask: 0 }).execute();
  await announce({ kind: "account", id: alice.userId });
  await expect.poll(async () => (await directory.accountById(alice.userId))?.permissions).toBe(0);

  await db.updateTable("users").set({ permissions_bitmask: 32 }).execute();
  expect(await directory.accountById(alice.userId)).toMatchObject({ permissions: 0 });
  api.clock.now = new Date(NOW.getTime() + 30_000);
  expect(await directory.accountById(alice.userId)).toMatchObject({ permissions: 32 });
  await directory.close();
});

test("what was missing is found as soon as it is announced", async ({ api, log }) => {
  const { directory } = await givenReplica(api, log);
  const signer = newSigner();
  expect(await directory.accountByHotkey(signer.address)).toBeUndefined();
  expect(await directory.chutesNamed("my-chute")).toEqual([]);
  const alice = await givenDeveloper(api, { username: "alice", permissions: 16, signer });
  await givenImage(api, alice);
  const { chute_id } = (await deploy(api, alice)).json();
  directory.drop({ kind: "account", id: alice.userId });
  directory.drop({ kind: "chute", id: chute_id });
  expect(await directory.accountByHotkey(signer.address)).toMatchObject({ username: "alice" });
  expect(await directory.chutesNamed("my-chute")).toHaveLength(1);
  await directory.close();
});

test("a deleted chute is gone under all its names", async ({ api, log }) => {
  const alice = await givenDeveloper(api, { username: "alice", permissions: 16 });
  await givenImage(api, alice);
  const { chute_id, slug } = (await deploy(api, alice)).json();
  const { directory } = await givenReplica(api, log);
  const look = async () => [
    await directory.chuteById(chute_id),
    await directory.chuteBySlug(slug),
    await directory.chuteOf(alice.userId, "my-chute"),
    (await directory.chutesNamed("my-chute"))[0],
  ];
  expect((await look()).filter((chute) => chute?.chuteId === chute_id)).toHaveLength(4);
  await call(api, { method: "DELETE", url: `/chutes/${chute_id}`, signer: alice.signer, purpose: "chutes" });
  directory.drop({ kind: "chute", id: chute_id });
  expect(await look()).toEqual([undefined, undefined, undefined, undefined]);
  await directory.close();
});
