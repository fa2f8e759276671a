import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { sql } from "kysely";
import { expect } from "vitest";
import type { Cord } from "../../src/wire/cords.js";
import { chuteIdOf, cordRefId } from "../../src/wire/ids.js";
import {
  type AccountApi,
  ADDRESS_B,
  call,
  type Developer,
  deploy,
  deployBody,
  givenDeveloper,
  givenImage,
  givenInstance,
  NOW,
} from "../support/account-api.js";
import { test as base } from "../support/account-test.js";

const FREE = 16;
const PUBLISHER = FREE | 2048;

interface Fixtures {
  /** Knows the price of TAO. */
  api: AccountApi;
  /** Never charged, publishes, owns the built public image `my-image:1.0`. */
  alice: Developer;
}

const test = base.extend<Fixtures>({
  api: async ({ start }, use) => use(await start({ settings: { pricing: { taoUsd: 400 } } })),
  alice: async ({ api }, use) => use(await givenPublisher(api, "alice")),
});

async function givenPublisher(api: AccountApi, username: string): Promise<Developer> {
  const publisher = await givenDeveloper(api, { username, permissions: PUBLISHER });
  await givenImage(api, publisher, { public: true });
  return publisher;
}

const get = (api: AccountApi, user: Developer | undefined, url: string) =>
  call(api, { url, ...(user && { signer: user.signer, purpose: "chutes" }) });

const H200S = { gpu_count: 8, include: ["h200"] };
const VECTOR_CORD: Cord = {
  method: "POST",
  path: "/hello",
  function: "hello",
  stream: false,
  passthrough: false,
  public_api_path: "/hello",
  public_api_method: "POST",
  input_schema: { type: "object", properties: {}, required: [], definitions: {} },
  output_schema: {},
  output_content_type: "application/json",
  minimal_input_schema: {},
};

test("03 §20.7: a chute is shown with its hourly price in USD and TAO, and a private one with its range", async ({
  api,
  alice,
}) => {
  const { current_estimated_price: price } = (await deploy(api, alice, { node_selector: H200S })).json();
  expect(price).toEqual({
    usd: { hour: 22, second: 22 / 3600 },
    tao: { hour: 22 / 400, second: 22 / 3600 / 400 },
    hourly_price_range: { usd: { min: 22, max: 22 }, tao: { min: 0.055, max: 0.055 } },
  });
});

test("03 §20.7: an operator's prices for everybody are what is shown", async ({ api, db, alice }) => {
  const { chute_id } = (await deploy(api, alice, { public: true })).json();
  await db
    .insertInto("price_overrides")
    .values({ user_id: "*", chute_id, per_request: 0.25, updated_at: NOW })
    .execute();
  const shown = (await get(api, undefined, `/chutes/${chute_id}`)).json();
  expect(shown.current_estimated_price.per_request).toEqual({ usd: 0.25, tao: 0.25 / 400 });
});

test("03 §7.2: while nobody knows the price of TAO its members are left out", async ({ start }) => {
  const api = await start();
  const bob = await givenPublisher(api, "bob");
  const { current_estimated_price: price } = (await deploy(api, bob)).json();
  expect(JSON.stringify(price)).not.toContain("tao");
  expect(price.usd.hour).toBe(0.2);
});

test("03 §20.9: what the stock client and the auditor read of a list is there; the vector's key is met", async ({
  api,
  alice,
}) => {
  await deploy(api, alice, { public: true, cords: [VECTOR_CORD] });
  const list = (await get(api, undefined, "/chutes/?include_public=true&limit=1000&exclude=affine")).json();
  expect(list.total).toBe(1);
  const [item] = list.items;
  expect(item).toMatchObject({ cords: null, cord_ref_id: "bd153f12-3141-5343-8d46-3c3c84453555", hot: false });
  expect(item).toMatchObject({ slug: "alice-my-chute", standard_template: null, user: { username: "alice" } });
  expect(list.cord_refs).toEqual({
    [cordRefId([VECTOR_CORD])]: [
      {
        method: "POST",
        path: "/hello",
        function: "hello",
        stream: false,
        passthrough: false,
        public_api_path: "/hello",
        public_api_method: "POST",
        output_content_type: "application/json",
      },
    ],
  });
  const single = (await get(api, undefined, `/chutes/${item.chute_id}`)).json();
  // A list's item is the chute itself, but for its cords.
  expect({ ...item, cords: null, cord_ref_id: null }).toEqual({ ...single, cords: null });
});

test("03 §6.5: an operator's boost and an open bounty are factors of what a chute is worth", async ({
  api,
  db,
  alice,
}) => {
  const { chute_id } = (await deploy(api, alice, { node_selector: H200S, tee: false })).json();
  await db.insertInto("chute_manual_boosts").values({ chute_id, boost: 3, updated_at: NOW }).execute();
  await get(api, alice, `/chutes/warmup/${chute_id}?quick=true`);
  api.clock.now = new Date(NOW.getTime() + 5_400_000);
  const shown = (await get(api, alice, `/chutes/${chute_id}`)).json();
  const base = (2.75 / 4.5) * 8;
  expect(shown.compute_multiplier_factors).toEqual({
    base,
    private: 2,
    manual_boost: 3,
    bounty_boost: expect.closeTo(1.3, 9),
  });
  expect(shown.effective_compute_multiplier).toBeCloseTo(base * 2 * 3 * 1.3, 9);
  expect(shown.bounty).toBe(3 * 5400 + 100);
});

test("03 §9.8: boosted chutes are listed, private ones without their names", async ({ api, db, alice }) => {
  const hidden = (await deploy(api, alice, { name: "hidden" })).json().chute_id;
  const open = (await deploy(api, alice, { name: "open", public: true })).json().chute_id;
  await deploy(api, alice, { name: "plain" });
  await db.insertInto("chute_manual_boosts").values({ chute_id: hidden, boost: 5, updated_at: NOW }).execute();
  await db.updateTable("chutes").set({ boost: 1.5 }).where("chute_id", "=", open).execute();
  expect((await call(api, { url: "/chutes/boosted" })).json()).toEqual([
    { chute_id: hidden, name: "[private chute]", boost: null, manual_boost: 5 },
    { chute_id: open, name: "open", boost: 1.5, manual_boost: null },
  ]);
});

test("03 §20.10: a chute that is no longer shared is gone from the sharee's list within 60 s", async ({
  api,
  db,
  alice,
}) => {
  const { chute_id } = (await deploy(api, alice, { name: "secret" })).json();
  const bob = await givenDeveloper(api, { username: "bob", permissions: FREE });
  const names = async () =>
    (await get(api, bob, "/chutes/?include_shared=true")).json().items.map(({ name }: { name: string }) => name);
  const share = { chute_id, shared_by: alice.userId, shared_to: bob.userId, shared_at: NOW };
  await db.insertInto("chute_shares").values(share).execute();
  expect(await names()).toEqual(["secret"]);
  await db.deleteFrom("chute_shares").execute();
  // Even if no announcement of it is ever heard.
  api.clock.now = new Date(NOW.getTime() + 59_000);
  expect(await names()).toEqual([]);
});

test("03 §20.12: whatever a name is made of, it finds the chute of that name in any case, and no other", async ({
  api,
  alice,
}) => {
  const stored = ["abc", "a_c", "a.c", "org/a_c", "org/abc", "x-1_y.z", "aXc"];
  for (const name of stored) await deploy(api, alice, { name, public: true });
  const character = fc.constantFrom("a", "b", "c", "A", "_", "%", "\\", ".", "*", "/", "x", "X", "'", "[", "?");
  const asked = fc.oneof(fc.constantFrom(...stored), fc.string({ unit: character, minLength: 1, maxLength: 5 }));
  await fc.assert(
    fc.asyncProperty(asked, fc.constantFrom(alice, undefined), async (name, user) => {
      const response = await get(api, user, `/chutes/${encodeURIComponent(name)}`);
      const text = name.replace(/^\/+/, "").toLowerCase();
      const wanted = stored.find((other) => other.toLowerCase() === text);
      if (wanted === undefined) expect(response.statusCode, name).not.toBe(200);
      else expect(response.json().name.toLowerCase(), name).toBe(text);
    }),
    { numRuns: 60 },
  );
});

test("03 §9.2: one's own, then what is shared, then the platform's, then the busiest of all", async ({
  api,
  db,
  alice,
}) => {
  const bob = await givenPublisher(api, "bob");
  const carol = await givenPublisher(api, "carol");
  const dave = await givenDeveloper(api, { username: "dave" });
  await deploy(api, alice, { name: "same" });
  await deploy(api, bob, { name: "same", public: true });
  await deploy(api, carol, { name: "same", public: true });
  const ownerSeenBy = async (user: Developer | undefined, name = "same") => {
    const response = await get(api, user, `/chutes/${name}`);
    return response.statusCode === 200 ? response.json().user.username : response.statusCode;
  };
  expect(await ownerSeenBy(alice, "/Same")).toBe("alice");
  await db
    .updateTable("chutes")
    .set({ invocation_count: 5 })
    .where("chute_id", "=", chuteIdOf("carol", "same"))
    .execute();
  expect(await ownerSeenBy(dave)).toBe("carol");
  expect(await ownerSeenBy(dave, "BOB/same")).toBe("bob");
  expect(await ownerSeenBy(dave, "alice/same")).toBe(404);
  await db.updateTable("users").set({ username: "chutes" }).where("user_id", "=", bob.userId).execute();
  expect(await ownerSeenBy(dave)).toBe("chutes");
  const share = { shared_by: alice.userId, shared_to: dave.userId, shared_at: NOW };
  await db
    .insertInto("chute_shares")
    .values({ ...share, chute_id: chuteIdOf("alice", "same") })
    .execute();
  expect(await ownerSeenBy(dave)).toBe("alice");
  expect(await ownerSeenBy(undefined)).toBe("chutes");
});

test("03 §9.8: a registered miner learns which model a chute loads", async ({ api, start, db, alice }) => {
  const revision = "0123456789ABCDEF0123456789abcdef01234567";
  const code = 'chute = build_vllm_chute(username="alice", model_name="unsloth/Llama-3.2-1B", revision="x")\n';
  const { chute_id } = (await deploy(api, alice, { code, revision })).json();
  const plain = (await deploy(api, alice, { name: "plain" })).json().chute_id;
  const ask = (id: string, purpose = "cache") =>
    call(api, { url: `/chutes/${id}/hf_info`, signer: alice.signer, purpose });
  expect((await ask(chute_id)).statusCode).toBe(401);
  await db
    .insertInto("metagraph_nodes")
    .values({
      netuid: api.config.netuid,
      node_id: 1,
      hotkey: alice.signer.address,
      coldkey: ADDRESS_B,
      checksum: "x",
      synced_at: NOW,
    } as never)
    .execute();
  api.directory.drop({ kind: "metagraph", id: alice.signer.address });
  expect((await ask(chute_id)).json()).toEqual({
    repo_id: "unsloth/Llama-3.2-1B",
    revision: revision.toLowerCase(),
  });
  expect((await ask(plain)).statusCode).toBe(404);
  const hub = await startStubHub({ "org/other": "f".repeat(40) });
  const other = await start({ settings: { deploy: { modelHubUrl: hub.url } } });
  const unpinned = (await deploy(api, alice, { name: "unpinned", code: 'repo_id = "org/other"\n' })).json().chute_id;
  const asked = { url: `/chutes/${unpinned}/hf_info`, signer: alice.signer, purpose: "cache" };
  expect((await call(other, asked)).json()).toEqual({ repo_id: "org/other", revision: "f".repeat(40) });
  await hub.close();
  expect((await ask(chute_id, "chutes")).statusCode).toBe(401);
  // Only an id has a model; a name that ends like the route is a name.
  expect((await get(api, alice, "/chutes/org/hf_info")).statusCode).toBe(404);
});

test("03 §9.5: miners see how busy every chute is, how many instances are wanted, and no private names", async ({
  api,
  db,
  alice,
}) => {
  const warm = (await deploy(api, alice, { name: "warm", public: true, concurrency: 2 })).json();
  const cold = (await deploy(api, alice, { name: "cold", public: true })).json();
  const hidden = (await deploy(api, alice, { name: "hidden" })).json();
  await deploy(api, alice, { name: "job-only", cords: [], jobs: [{ ...deployJob }] });
  await givenInstance(api, warm.chute_id, { instanceId: "i-1", active: true });
  await givenInstance(api, warm.chute_id, { instanceId: "i-2", active: false });
  await api.redis.set(`scale:${warm.chute_id}`, "4");
  await api.redis.zadd(`cc:${warm.chute_id}:i-1`, NOW.getTime() + 60_000, "call", NOW.getTime() - 1, "ended");
  await givenCalls(api, warm.chute_id, [
    { secondsAgo: 30, tookSeconds: 30 },
    { secondsAgo: 600, tookSeconds: 90 },
    { secondsAgo: 20, tookSeconds: 0, errorMessage: "RATE_LIMIT" },
    { secondsAgo: 20, tookSeconds: 1, errorMessage: "EMPTY" },
  ]);
  const response = await call(api, { url: "/chutes/utilization" });
  expect(response.headers["cache-control"]).toContain("max-age=10");
  const rows = response.json<Record<string, unknown>[]>();
  expect(rows.map(({ name }) => name)).toEqual(["warm", ...["cold", "[private chute]"].sort(byIdOf(rows))]);
  expect(rows[0]).toEqual({
    chute_id: warm.chute_id,
    name: "warm",
    timestamp: "2025-10-09T08:53:20.000000+00:00",
    utilization_current: 0.5,
    utilization_5m: expect.closeTo(31 / 300 / 2, 9),
    utilization_15m: expect.closeTo(121 / 900 / 2, 9),
    utilization_1h: expect.closeTo(121 / 3600 / 2, 9),
    rate_limit_ratio_5m: 0.5,
    rate_limit_ratio_15m: expect.closeTo(1 / 3, 9),
    rate_limit_ratio_1h: expect.closeTo(1 / 3, 9),
    total_requests_5m: 2,
    total_requests_15m: 3,
    total_requests_1h: 3,
    completed_requests_5m: 1,
    completed_requests_15m: 2,
    completed_requests_1h: 2,
    rate_limited_requests_5m: 1,
    rate_limited_requests_15m: 1,
    rate_limited_requests_1h: 1,
    instance_count: 2,
    action_taken: "scale_up_candidate",
    target_count: 4,
    update_in_progress: false,
    total_instance_count: 2,
    active_instance_count: 1,
    effective_multiplier: warm.effective_compute_multiplier,
    scalable: true,
    scale_allowance: 3,
    avg_busy_ratio: expect.closeTo(121 / 3600 / 2, 9),
    total_invocations: 3,
    total_rate_limit_errors: 1,
  });
  const rowOf = (chuteId: string) => rows.find(({ chute_id }) => chute_id === chuteId);
  // Launching admits the first instance of a cold public chute; of a private one only when somebody asked for it.
  expect(rowOf(cold.chute_id)).toMatchObject({ scalable: true, scale_allowance: 1, utilization_current: 0 });
  expect(rowOf(hidden.chute_id)).toMatchObject({
    scalable: false,
    target_count: 0,
    effective_multiplier: expect.any(Number),
  });
  await db
    .insertInto("rolling_updates")
    .values({ chute_id: cold.chute_id, old_version: "1", new_version: "2", permitted: "{}", started_at: NOW })
    .execute();
  expect((await call(api, { url: "/chutes/utilization" })).json()).toEqual(rows);
  api.clock.now = new Date(NOW.getTime() + 10_000);
  const later = (await call(api, { url: "/chutes/utilization" })).json<Record<string, unknown>[]>();
  expect(later.find(({ chute_id }) => chute_id === cold.chute_id)).toMatchObject({
    update_in_progress: true,
    action_taken: "skipped_rolling_update",
  });
});

const deployJob = { name: "train", upload: true, timeout: 3600, ports: [] };

/** A model hub that knows the newest commit of some models. */
async function startStubHub(revisions: Readonly<Record<string, string>>) {
  const server = createServer((request, response) => {
    const model = /^\/api\/models\/(.+)\/revision\/main$/.exec(request.url ?? "")?.[1] ?? "";
    const sha = revisions[model];
    response.writeHead(sha === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify({ sha }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${port}`, close };
}

/** Chutes without calls are in the order of their ids. */
function byIdOf(rows: readonly Record<string, unknown>[]) {
  const idOf = (name: string) => String(rows.find((row) => row["name"] === name)?.["chute_id"]);
  return (a: string, b: string) => (idOf(a) < idOf(b) ? -1 : 1);
}

async function givenCalls(
  api: AccountApi,
  chuteId: string,
  calls: readonly { secondsAgo: number; tookSeconds: number; errorMessage?: string }[],
): Promise<void> {
  const rows = calls.map(({ secondsAgo, tookSeconds, errorMessage }, index) => {
    const completedAt = NOW.getTime() - secondsAgo * 1000;
    return {
      invocation_id: `call-${index}`,
      parent_invocation_id: `call-${index}`,
      chute_id: chuteId,
      chute_user_id: "owner",
      function_name: "hello",
      user_id: "caller",
      image_id: "image",
      image_user_id: "owner",
      instance_id: "i-1",
      miner_uid: 7,
      miner_hotkey: ADDRESS_B,
      started_at: new Date(completedAt - tookSeconds * 1000),
      completed_at: new Date(completedAt),
      error_message: errorMessage ?? null,
      compute_multiplier: 1,
    };
  });
  const [from, to] = [new Date(NOW.getTime() - 86_400_000), NOW];
  await ensurePartitions(api, from, to);
  await api.db.insertInto("partitioned_invocations").values(rows).execute();
}

async function ensurePartitions(api: AccountApi, from: Date, to: Date): Promise<void> {
  await sql`select ensure_invocation_partitions(${from}::timestamptz, ${to}::timestamptz)`.execute(api.db);
}

test("03 §9.4: the source of a chute is for those who may see it, by id or by name", async ({ api, alice }) => {
  const bob = await givenDeveloper(api, { username: "bob" });
  const code = deployBody()["code"];
  await deploy(api, alice, { name: "org/open", public: true });
  await deploy(api, alice, { name: "org/hidden" });
  for (const user of [alice, bob, undefined]) {
    const response = await get(api, user, "/chutes/code/org/open");
    expect([response.statusCode, response.body]).toEqual([200, code]);
  }
  const statuses = [alice, bob, undefined].map(
    async (user) => (await get(api, user, "/chutes/code/org/hidden")).statusCode,
  );
  expect(await Promise.all(statuses)).toEqual([200, 404, 404]);
});
