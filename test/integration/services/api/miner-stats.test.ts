import { sql } from "kysely";
import { expect } from "vitest";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { givenChute, givenInstance } from "../../../support/miner-builders.js";
import { test } from "../../../support/miner-test.js";

const AT = new Date("2026-01-07T11:30:00Z");

async function givenCalls(
  db: Db,
  calls: readonly { hotkey: string; error?: string; bounty?: number; metrics?: object; daysAgo?: number }[],
) {
  await sql`select ensure_invocation_partitions(${new Date("2025-12-30Z")}, ${AT})`.execute(db);
  const rows = calls.map((call, index) => {
    const started = new Date(AT.getTime() - (call.daysAgo ?? 0) * 86_400_000);
    return {
      invocation_id: `call-${index}`,
      parent_invocation_id: `request-${index}`,
      chute_id: "c1",
      chute_user_id: "dev",
      function_name: "chat",
      user_id: "u",
      image_id: "image",
      image_user_id: "dev",
      instance_id: "i1",
      miner_uid: 1,
      miner_hotkey: call.hotkey,
      started_at: started,
      completed_at: new Date(started.getTime() + 4000),
      error_message: call.error ?? null,
      compute_multiplier: 0.5,
      bounty: call.bounty ?? 0,
      metrics: call.metrics === undefined ? null : JSON.stringify(call.metrics),
    };
  });
  await db.insertInto("partitioned_invocations").values(rows).execute();
}

test("the last hour's use of a chute counts errors and limits apart", async ({ api, db, miner }) => {
  await givenChute(db, { chuteId: "c1" });
  await givenInstance(db, { instanceId: "i1", chuteId: "c1", hotkey: miner.address });
  const hotkey = miner.address;
  await givenCalls(db, [
    { hotkey },
    { hotkey },
    { hotkey, error: "RATE_LIMIT" },
    { hotkey, error: "boom" },
    { hotkey, daysAgo: 2 },
  ]);
  const { text } = await api.call("GET", "/miner/metrics/", { signer: miner, purpose: "miner" });
  const pricePerSecond = (0.5 * 4.5) / 3600;
  expect(JSON.parse(text.slice("data: ".length))).toEqual({
    chute_id: "c1",
    start_date: "2026-01-07T11:00:00.000000+00:00",
    end_date: "2026-01-07T12:00:00.000000+00:00",
    compute_multiplier: 0.5,
    total_invocations: 4,
    total_compute_time: 8,
    error_count: 1,
    rate_limit_count: 1,
    instance_count: 1,
    per_second_price_usd: pricePerSecond,
    total_usage_usd: pricePerSecond * 8,
  });
});

test("statistics sum the successful work of each miner by window, and can be cut down to one", async ({ api, db }) => {
  const [a, b] = ["A".repeat(48), "B".repeat(48)];
  await givenCalls(db, [
    { hotkey: a, bounty: 100 },
    { hotkey: a, metrics: { nc: 12 } },
    { hotkey: a, metrics: { p: true, nc: 99 } },
    { hotkey: a, error: "boom" },
    { hotkey: b, metrics: { steps: 10, masps: 0.5 }, daysAgo: 2 },
    { hotkey: b, metrics: { it: 6, ot: 4, maspt: 0.25 }, daysAgo: 2 },
  ]);
  const stats = async (query: string) => (await api.call("GET", `/miner/stats${query}`)).json;
  expect(await stats("")).toEqual({
    past_hour: windowOf([a, 3, 100 + 0.5 * 4 + 0.5 * 12, 100]),
    past_day: windowOf([a, 3, 100 + 0.5 * 4 + 0.5 * 12, 100]),
    all: windowOf([a, 3, 108, 100], [b, 2, 0.5 * 5 + 0.5 * 2.5, 0]),
  });
  expect(await stats(`?miner_hotkey=${b}&per_chute=True`)).toEqual({
    past_hour: { bounties: [], compute_units: [] },
    past_day: { bounties: [], compute_units: [] },
    all: {
      bounties: [],
      compute_units: [{ miner_hotkey: b, chute_id: "c1", invocation_count: 2, compute_units: 3.75 }],
    },
  });
  expect(await api.call("GET", "/miner/stats?miner_hotkey=nobody")).toMatchObject({
    status: 400,
    json: { detail: "Invalid hotkey parameter." },
  });
});

function windowOf(...miners: [hotkey: string, calls: number, units: number, bounty: number][]) {
  return {
    bounties: miners.map(([miner_hotkey, , , total_bounty]) => ({ miner_hotkey, total_bounty })),
    compute_units: miners.map(([miner_hotkey, invocation_count, compute_units]) => ({
      miner_hotkey,
      invocation_count,
      compute_units,
    })),
  };
}

test("scores are served as last published, or not at all", async ({ api, db }) => {
  expect(await api.call("GET", "/miner/scores")).toMatchObject({
    status: 503,
    json: { detail: "Waiting for cache to populate." },
  });
  const scores = {
    raw_values: { hk: { total_instances: 1 } },
    totals: { total_instances: 1 },
    final_scores: { hk: 1 },
  };
  await db
    .insertInto("cache_snapshots")
    .values({ name: "miner_scores", body: JSON.stringify(scores), computed_at: AT })
    .execute();
  expect((await api.call("GET", "/miner/scores")).json).toEqual(scores);
  expect((await api.call("GET", "/miner/scores?hotkey=hk")).json).toEqual(scores);
  expect((await api.call("GET", "/miner/scores?hotkey=other")).json).toEqual({
    raw_values: { other: null },
    totals: { total_instances: 1 },
    final_scores: { other: null },
  });
});

test("the metagraph lists the chain's miners with their blacklist reasons", async ({ api, db, miner, rival }) => {
  await db.updateTable("metagraph_nodes").set({ node_id: -1 }).where("hotkey", "=", rival.address).execute();
  const { json } = await api.call("GET", "/miner/metagraph");
  const columns = `hotkey netuid checksum coldkey node_id incentive stake tao_stake alpha_stake trust vtrust last_updated ip ip_type port
    protocol real_host real_port synced_at blacklist_reason`;
  expect(json).toEqual([expect.objectContaining({ hotkey: miner.address, blacklist_reason: null })]);
  expect(Object.keys((json as object[])[0] ?? {}).toSorted()).toEqual(columns.split(/\s+/).toSorted());
});
