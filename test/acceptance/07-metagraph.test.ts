import { expect } from "vitest";
import { type MetagraphNode, metagraphChecksum, type SubnetNeuron } from "../../src/domain/metagraph/metagraph-node.js";
import { listMetagraph, minerByHotkey, syncMetagraph } from "../../src/domain/metagraph/metagraph-repository.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { test } from "../support/fixtures.js";
import { outboxOf } from "../support/miner-builders.js";

const NETUID = 64;
const FIRST = new Date("2026-01-07T12:00:00Z");
const SECOND = new Date("2026-01-07T12:01:00Z");
const CHANNEL = "metagraph_change:64";

const neuron = (uid: number, changes: Partial<SubnetNeuron> = {}): SubnetNeuron => ({
  uid,
  hotkey: `hotkey-${uid}`,
  coldkey: `coldkey-${uid}`,
  incentive: 100 + uid,
  consensus: 7,
  taoStakeRao: 0n,
  alphaStakeRao: 10_500_000_000n,
  totalStakeRao: 10_500_000_000n,
  lastUpdateBlock: 4_000_000,
  ip: "203.0.113.7",
  ipType: 4,
  port: 32_000,
  protocol: 4,
  ...changes,
});
const THREE = [neuron(0), neuron(1), neuron(2)];

const sync = (db: Db, neurons: readonly SubnetNeuron[], now = FIRST) =>
  syncMetagraph(db, { netuid: NETUID, neurons, now });

async function givenOperatorMiner(db: Db, hotkey: string): Promise<void> {
  await db
    .insertInto("metagraph_nodes")
    .values({ netuid: NETUID, hotkey, coldkey: "operator", checksum: "x", node_id: -1, synced_at: FIRST })
    .execute();
}

test("07 §11.3: only a change that miners can feel is written and published, once", async ({ db }) => {
  expect((await sync(db, THREE)).changed).toHaveLength(3);
  await db.deleteFrom("outbox").execute();

  const sameButLater = THREE.map((entry) => ({ ...entry, lastUpdateBlock: 4_000_360 }));
  expect(await sync(db, sameButLater, SECOND)).toEqual({ changed: [], removed: [] });
  expect(await outboxOf(db, CHANNEL)).toEqual([]);
  expect((await listMetagraph(db, NETUID)).map((row) => row.last_updated)).toEqual([4_000_000, 4_000_000, 4_000_000]);

  const { changed } = await sync(db, [neuron(0), neuron(1, { incentive: 999 }), neuron(2)], SECOND);
  expect(changed.map((node) => node.hotkey)).toEqual(["hotkey-1"]);
  const published = await outboxOf(db, CHANNEL);
  expect(published).toHaveLength(1);
  expect(published[0]).toMatchObject({ hotkey: "hotkey-1", incentive: 999, stake: 10.5, checksum: expect.any(String) });
  expect(published[0]).not.toHaveProperty("last_updated");
});

test("07 §11.4: checksum vector", () => {
  const node: MetagraphNode = {
    hotkey: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
    coldkey: "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
    node_id: 3,
    netuid: 64,
    incentive: 1200,
    stake: 10.5,
    tao_stake: 0,
    alpha_stake: 10.5,
    trust: 0,
    vtrust: 0,
    ip: "203.0.113.7",
    ip_type: 4,
    port: 32_000,
    protocol: 4,
  };
  expect(metagraphChecksum(node)).toBe("e4aa13f9fd53bc304937bef92b9b763e42f4d15c011e881571a76e0dbff17245");
});

test("07 §11.5: an empty list changes nothing", async ({ db }) => {
  await sync(db, THREE);
  await expect(sync(db, [], SECOND)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await listMetagraph(db, NETUID)).toHaveLength(3);
});

test("07 §11.5: an operator's own miner survives every sync, also one that names its hotkey", async ({ db }) => {
  await givenOperatorMiner(db, "hotkey-1");
  await givenOperatorMiner(db, "lab");
  await sync(db, THREE);
  expect(await minerByHotkey(db, NETUID, "hotkey-1")).toMatchObject({ uid: -1, coldkey: "operator" });
  expect(await minerByHotkey(db, NETUID, "lab")).toMatchObject({ uid: -1 });
  expect((await listMetagraph(db, NETUID)).map((row) => row.hotkey)).toEqual(["hotkey-0", "hotkey-2"]);
});

test("07 §11.5: a blacklist reason survives an upsert", async ({ db }) => {
  await sync(db, THREE);
  await db
    .updateTable("metagraph_nodes")
    .set({ blacklist_reason: "cheated" })
    .where("hotkey", "=", "hotkey-2")
    .execute();
  await sync(db, [neuron(0), neuron(1), neuron(2, { incentive: 1 })], SECOND);
  const [row] = (await listMetagraph(db, NETUID)).filter(({ hotkey }) => hotkey === "hotkey-2");
  expect(row).toMatchObject({ incentive: 1, blacklist_reason: "cheated", synced_at: FIRST });
});

test("07 §2.3: a list less than half as long is refused until a second reading confirms it", async ({ db }) => {
  const ten = Array.from({ length: 10 }, (_, uid) => neuron(uid));
  await sync(db, ten);
  await expect(sync(db, ten.slice(0, 4), SECOND)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await listMetagraph(db, NETUID)).toHaveLength(10);
  const { removed } = await sync(db, ten.slice(0, 5), SECOND);
  expect(removed.toSorted()).toEqual(["hotkey-5", "hotkey-6", "hotkey-7", "hotkey-8", "hotkey-9"]);
  await syncMetagraph(db, { netuid: NETUID, neurons: ten.slice(0, 1), now: SECOND, confirmedShrink: true });
  expect(await listMetagraph(db, NETUID)).toHaveLength(1);
});

test("07 §2.3: other subnets are left alone, and departed miners are dropped from caches", async ({ db }) => {
  await syncMetagraph(db, { netuid: 120, neurons: THREE, now: FIRST });
  await sync(db, THREE);
  await db.deleteFrom("outbox").execute();
  await sync(db, THREE.slice(0, 2), SECOND);
  expect(await listMetagraph(db, 120)).toHaveLength(3);
  expect(await outboxOf(db, "cache_invalidate")).toEqual([{ kind: "metagraph", id: "hotkey-2" }]);
});
