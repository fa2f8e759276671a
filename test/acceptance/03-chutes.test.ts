import { expect } from "vitest";
import { claimBounty, requestBounty } from "../../src/domain/bounties/bounty-store.js";
import { subscribe } from "../../src/infra/redis/pubsub.js";
import { CORD_KEYS, type Cord, TEMPLATE_CORDS } from "../../src/wire/cords.js";
import { chuteIdOf, chuteVersionOf, cordRefId, imageIdOf } from "../../src/wire/ids.js";
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
  relayOutbox,
} from "../support/account-api.js";
import { test as base } from "../support/account-test.js";

const FREE = 16;
const PUBLISHER = FREE | 2048;

interface Fixtures {
  /** Never charged, owns the built image `my-image:1.0`. */
  alice: Developer;
}

const test = base.extend<Fixtures>({
  alice: async ({ api }, use) => {
    const alice = await givenDeveloper(api, { username: "alice", permissions: FREE });
    await givenImage(api, alice);
    await use(alice);
  },
});

const get = (api: AccountApi, user: Developer | undefined, url: string) =>
  call(api, { url, ...(user && { signer: user.signer, purpose: "chutes" }) });

const remove = (api: AccountApi, user: Developer, idOrName: string) =>
  call(api, { method: "DELETE", url: `/chutes/${idOrName}`, signer: user.signer, purpose: "chutes" });

const namesOf = (response: Awaited<ReturnType<typeof get>>) =>
  response.json<{ items: { name: string }[] }>().items.map(({ name }) => name);

const chuteRows = (api: AccountApi) => api.db.selectFrom("chutes").selectAll().execute();

test("03 §20.1: a deployed chute has the SDK's id, recipe C's version and the slug of its name", async ({
  api,
  alice,
}) => {
  const response = await deploy(api, alice, { name: "unsloth/Llama-3.2-1B-Instruct" });
  const imageId = imageIdOf({ username: "alice", name: "my-image", tag: "1.0" });
  expect(response.statusCode).toBe(200);
  expect(response.json()).toMatchObject({
    chute_id: "1e02b9dd-8ec0-5b98-9e22-4aacf33ace7f",
    version: chuteVersionOf({ imageId, patchVersion: "initial", code: 'print("hi")\n' }),
    slug: "alice-unsloth-llama-3-2-1b-instruct",
  });
});

test("03 §4: a slug that is taken or reserved gets a suffix", async ({ api, alice }) => {
  const first = (await deploy(api, alice, { name: "a_b" })).json().slug;
  const second = (await deploy(api, alice, { name: "a.b" })).json().slug;
  expect(first).toBe("alice-a-b");
  expect(second).toMatch(/^alice-a-b-[a-z0-9]{5}$/);
});

test("03 §20.2: a deploy costs three hours, asks before it takes them, and stores nothing before", async ({ api }) => {
  const bob = await givenDeveloper(api, { username: "bob", balanceUsd: 10 });
  await givenImage(api, bob);
  const refused = await call(api, { url: "/chutes/", body: deployBody(), signer: bob.signer });
  expect(refused.statusCode).toBe(402);
  expect(refused.json().detail).toContain("$0.60");
  expect(refused.json().detail).toContain("--accept-fee");
  expect(await chuteRows(api)).toEqual([]);
  const accepted = await deploy(api, bob);
  expect(accepted.json().chute_id).toBe(chuteIdOf("bob", "my-chute"));
  const me = await call(api, { url: "/users/me", signer: bob.signer, purpose: "me" });
  expect(me.json().balance).toBe(9.4);
  const entries = await api.db.selectFrom("ledger_entries").select(["account", "amount_micro_usd"]).execute();
  expect(new Set(entries.map((entry) => `${entry.account} ${entry.amount_micro_usd}`))).toEqual(
    new Set([`user:${bob.userId} -600000`, "platform:fees 600000"]),
  );
});

test.for([
  [{ gpu_count: 1, include: ["pro_6000"] }, "$5.40"],
  [{ gpu_count: 8, include: ["h200"] }, "$66.00"],
  [{ gpu_count: 2, min_vram_gb_per_gpu: 80 }, "$3.60"],
] as const)("03 §5.3: fee of %j is %s", async ([node_selector, fee], { api }) => {
  const bob = await givenDeveloper(api, { username: "bob", balanceUsd: 1 });
  await givenImage(api, bob);
  const quote = await call(api, { url: "/chutes/", body: deployBody({ node_selector }), signer: bob.signer });
  expect(quote.json().detail).toContain(fee);
});

test("03 §5.3: a balance that the fee would use up is 402 and names the payment address", async ({ api }) => {
  const bob = await givenDeveloper(api, { username: "bob", balanceUsd: 0.6 });
  await givenImage(api, bob);
  const response = await deploy(api, bob);
  expect(response.statusCode).toBe(402);
  const me = await call(api, { url: "/users/me", signer: bob.signer, purpose: "me" });
  expect(response.json().detail).toContain(me.json().payment_address);
  expect(await chuteRows(api)).toEqual([]);
});

test("03 §20.3: the same again is 409; one byte of code makes a new version of the same chute", async ({ api }) => {
  const bob = await givenDeveloper(api, { username: "bob", balanceUsd: 10 });
  await givenImage(api, bob);
  const first = (await deploy(api, bob)).json();
  const again = await deploy(api, bob);
  expect(again.statusCode).toBe(409);
  expect(again.json().detail).toContain(first.version);
  api.clock.now = new Date(NOW.getTime() + 60_000);
  // No fee is due, so none needs to be accepted.
  const changed = await call(api, { url: "/chutes/", body: deployBody({ code: 'print("ho")\n' }), signer: bob.signer });
  expect(changed.statusCode).toBe(200);
  expect(changed.json()).toMatchObject({ chute_id: first.chute_id, slug: first.slug, created_at: first.created_at });
  expect(changed.json().version).not.toBe(first.version);
  expect(changed.json().updated_at).not.toBe(first.updated_at);
  const { balance_micro_usd } = await api.db
    .selectFrom("users")
    .select("balance_micro_usd")
    .where("user_id", "=", bob.userId)
    .executeTakeFirstOrThrow();
  expect(balance_micro_usd).toBe(9_400_000n);
});

test("03 §2: a name that differs only in case is 409", async ({ api, alice }) => {
  await deploy(api, alice, { name: "My_Model" });
  expect((await deploy(api, alice, { name: "my_model", code: "x = 1" })).statusCode).toBe(409);
});

const job = (changes: object = {}) => ({ name: "train", upload: true, timeout: 3600, ports: [], ...changes });
const cordAt = (path: string, changes: object = {}) => ({ ...(deployBody()["cords"] as Cord[])[0], path, ...changes });

test("03 §20.4: broken records are 400, broken shapes 422, and none is stored", async ({ api, alice }) => {
  const broken: [status: number, changes: Record<string, unknown>][] = [
    [400, { filename: "My.py" }],
    [400, { ref_str: "Chute:x" }],
    [400, { cords: [cordAt("/do-it")] }],
    [400, { cords: [cordAt("/a/")] }],
    [400, { cords: [cordAt("/a", { public_api_path: "/evidence" })] }],
    [400, { cords: [cordAt("/a", { public_api_method: "TRACE" })] }],
    [400, { cords: [cordAt("/a"), cordAt("/a")] }],
    [400, { jobs: [job()] }],
    [400, { cords: [], jobs: [] }],
    [400, { name: "/abc" }],
    [400, { name: "_abc" }],
    [400, { name: "a b" }],
    [400, { name: "abc\n" }],
    [400, { image: "nothing:1.0" }],
    [400, { public: true }],
    [400, { logo_id: "logo" }],
    [400, { node_selector: { gpu_count: 1, include: ["3090"], min_vram_gb_per_gpu: 80 } }],
    [400, { node_selector: { gpu_count: 1, exclude: ["3090", "4090", "5090", "a4000", "a5000", "a6000"] } }],
    [400, { cords: [], jobs: [job({ ports: [{ name: "web", port: 80, proto: "tcp" }] })] }],
    [422, { node_selector: { gpu_count: 9 } }],
    [422, { node_selector: { gpu_count: 1, include: ["h999"] } }],
    [422, { node_selector: null }],
    [422, { shutdown_after_seconds: 59 }],
    [422, { revision: "xyz" }],
    [422, { concurrency: 257 }],
    [422, { standard_template: "other" }],
    [422, { max_instances: 0 }],
    [422, { code: 7 }],
    [422, { cords: [{ path: "/x" }] }],
    [422, { cords: [], jobs: [job({ timeout: 5 })] }],
    [422, { cords: [], jobs: [job({ ports: [{ name: "web", port: 8080, proto: "icmp" }] })] }],
  ];
  for (const [status, changes] of broken) {
    const response = await deploy(api, alice, changes);
    expect(response.statusCode, `${JSON.stringify(changes)} → ${response.body}`).toBe(status);
    expect(response.headers["content-type"]).toContain("application/json");
  }
  expect(await chuteRows(api)).toEqual([]);
});

test("03 §20.4: a refused value is named where it stands", async ({ api, alice }) => {
  const response = await deploy(api, alice, { node_selector: { gpu_count: 1, include: ["h100", "h999"] } });
  expect(response.json().detail).toEqual([
    {
      type: "value_error",
      loc: ["body", "node_selector", "include", 1],
      msg: expect.stringContaining("h999"),
      input: "h999",
    },
  ]);
  const shutdown = await deploy(api, alice, { shutdown_after_seconds: 59 });
  expect(shutdown.json().detail).toEqual([
    { type: "minimum", loc: ["body", "shutdown_after_seconds"], msg: expect.any(String), input: 59 },
  ]);
});

test("03 §20.5: GPU keys are stored in lower case", async ({ api, alice }) => {
  const response = await deploy(api, alice, { node_selector: { gpu_count: 1, include: ["H100"] } });
  expect(response.json()).toMatchObject({
    supported_gpus: ["h100"],
    node_selector: {
      gpu_count: 1,
      min_vram_gb_per_gpu: 16,
      max_hourly_price_per_gpu: null,
      include: ["h100"],
      dynamic: false,
    },
  });
  const [row] = await chuteRows(api);
  expect(row?.node_selector).not.toHaveProperty("compute_multiplier");
});

test("03 §20.6: vllm needs a revision; names end at 127 characters", async ({ api, alice }) => {
  const revision = "0123456789abcdef0123456789ABCDEF01234567";
  const vllm = { name: "org/model", standard_template: "vllm", cords: TEMPLATE_CORDS.vllm };
  expect((await deploy(api, alice, vllm)).statusCode).toBe(400);
  const deployed = await deploy(api, alice, { ...vllm, revision });
  expect(deployed.json()).toMatchObject({ standard_template: "vllm", lock_modules: true, revision });
  expect((await deploy(api, alice, { name: "a".repeat(129) })).statusCode).toBe(422);
  expect((await deploy(api, alice, { name: "a".repeat(128) })).statusCode).toBe(400);
  expect((await deploy(api, alice, { name: "a".repeat(127) })).statusCode).toBe(200);
});

test("03 §5.2: images must be built, current, and public for public chutes", async ({ api, db, alice }) => {
  await givenImage(api, alice, { name: "old", chutesVersion: "0.3.30" });
  expect((await deploy(api, alice, { image: "old:1.0" })).statusCode).toBe(400);
  await db.updateTable("images").set({ status: "building" }).where("name", "=", "my-image").execute();
  expect((await deploy(api, alice)).json().detail).toContain("building");
  const bob = await givenDeveloper(api, { username: "bob", permissions: PUBLISHER });
  expect((await deploy(api, bob, { image: "alice/old:1.0" })).statusCode).toBe(400);
  await givenImage(api, bob);
  expect((await deploy(api, bob, { public: true })).statusCode).toBe(409);
  await givenImage(api, bob, { public: true });
  const deployed = await deploy(api, bob, { public: true });
  // Nobody pays for the instances of a public chute, so nothing limits them.
  expect(deployed.json()).toMatchObject({
    public: true,
    max_instances: null,
    scaling_threshold: null,
    preemptible: true,
  });
});

test("03 §5.2: a TEE chute keeps its hardware, an immutable one everything", async ({ api, db, alice }) => {
  const node_selector = { gpu_count: 1, include: ["h100"] };
  await deploy(api, alice, { tee: true, node_selector });
  const update = (changes: object) => deploy(api, alice, { tee: true, node_selector, code: "x = 1\n", ...changes });
  expect((await update({ tee: false })).statusCode).toBe(400);
  expect((await update({ node_selector: { gpu_count: 2, include: ["h100"] } })).statusCode).toBe(400);
  expect((await update({ node_selector: { gpu_count: 1, include: ["h200"] } })).statusCode).toBe(400);
  expect((await update({})).statusCode).toBe(200);
  await db.updateTable("chutes").set({ immutable: true }).execute();
  expect((await update({ code: "x = 2\n" })).statusCode).toBe(403);
});

test("03 §20.22: the 25th change within 24 h is 429", async ({ api, alice }) => {
  for (let change = 0; change < 24; change += 1) {
    api.clock.now = new Date(NOW.getTime() + change * 1000);
    expect((await deploy(api, alice, { code: `x = ${change}\n` })).statusCode).toBe(200);
  }
  expect((await deploy(api, alice, { code: "y = 1\n" })).statusCode).toBe(429);
  api.clock.now = new Date(NOW.getTime() + 86_400_000 + 30_000);
  expect((await deploy(api, alice, { code: "y = 1\n" })).statusCode).toBe(200);
});

test("03 §20.9: one chute reads as the SDK expects it", async ({ api, alice }) => {
  const { chute_id } = (await deploy(api, alice)).json();
  await givenInstance(api, chute_id, { instanceId: "i-1", active: false });
  const chute = (await get(api, alice, "/chutes/my-chute")).json();
  expect(chute).toMatchObject({
    chute_id,
    public: false,
    cords: [{ path: "/hello", function: "hello", output_schema: null, input_schema: {} }],
    jobs: [],
    cord_ref_id: null,
    created_at: "2025-10-09T08:53:20.000000Z",
    image: { name: "my-image", tag: "1.0", status: "built and pushed", patch_version: "initial", readme: "" },
    user: { username: "alice", user_id: alice.userId, logo_id: null, logo: null },
    node_selector: {
      compute_multiplier: expect.closeTo(0.2 / 4.5, 9),
      supported_gpus: expect.arrayContaining(["4090"]),
    },
    current_estimated_price: { usd: { hour: 0.2, second: 0.2 / 3600 } },
    instances: [{ instance_id: "i-1", region: "n/a", active: false, verified: false, last_verified_at: null }],
    chutes_version: "0.6.10",
    max_instances: 1,
    scaling_threshold: 0.75,
    shutdown_after_seconds: 300,
    preemptible: false,
    compute_multiplier_factors: { base: expect.closeTo(0.2 / 4.5, 9), private: 2 },
    effective_compute_multiplier: expect.closeTo(0.4 / 4.5, 9),
    bounty: null,
    execution_backend: "hosted",
    hot: false,
  });
  for (const secret of ["code", "filename", "ref_str"]) expect(chute).not.toHaveProperty(secret);
  expect(Object.keys(chute.cords[0])).toEqual(CORD_KEYS);
  await api.db.updateTable("instances").set({ active: true, verified: true }).execute();
  expect((await get(api, alice, `/chutes/${chute_id}`)).json().hot).toBe(true);
});

test("03 §20.9: a list refers to cords instead of repeating them", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice", permissions: PUBLISHER });
  await givenImage(api, alice, { public: true });
  const cords = [cordAt("/hello", { input_schema: { type: "object" } })];
  await deploy(api, alice, { name: "one", public: true, cords });
  await deploy(api, alice, { name: "two", public: true, cords });
  await deploy(api, alice, { name: "mine" });
  const list = (await get(api, alice, "/chutes/?name=&limit=25&page=0&include_public=False")).json();
  expect(list).toMatchObject({ total: 3, page: 0, limit: 25 });
  const [one] = list.items.filter(({ name }: { name: string }) => name === "one");
  const stored = (await get(api, alice, "/chutes/one")).json().cords;
  expect(one).toMatchObject({ cords: null, cord_ref_id: cordRefId(stored) });
  const { input_schema: _, output_schema: __, minimal_input_schema: ___, ...listed } = stored[0];
  expect(list.cord_refs[one.cord_ref_id]).toEqual([listed]);
  expect(Object.keys(list.cord_refs)).toHaveLength(2);
  const withSchemas = (await get(api, alice, "/chutes/?include_schemas=true&name=one")).json();
  expect(withSchemas.cord_refs[one.cord_ref_id]).toEqual(stored);
});

test("03 §9.3: cords of vllm chutes are shared although each names its own model", () => {
  const cords = (name: string) => [
    cordAt("/chat", { input_schema: { properties: { model: { default: name } } } }) as Cord,
  ];
  expect(cordRefId(cords("org/a"), "org/a")).toBe(cordRefId(cords("org/b"), "org/b"));
});

test("03 §20.10: a private chute does not exist for others until it is shared", async ({ api, db, alice }) => {
  const { chute_id } = (await deploy(api, alice, { name: "secret/model" })).json();
  const bob = await givenDeveloper(api, { username: "bob", permissions: FREE });
  const urls = [`/chutes/${chute_id}`, `/chutes/code/${chute_id}`, `/chutes/warmup/${chute_id}?quick=true`];
  const byName = ["/chutes/secret/model", "/chutes/alice/secret/model"];
  for (const url of [...urls, ...byName]) expect((await get(api, bob, url)).statusCode, url).toBe(404);
  expect((await remove(api, bob, chute_id)).statusCode).toBe(404);
  expect((await get(api, undefined, `/chutes/${chute_id}`)).statusCode).toBe(404);
  await db
    .insertInto("chute_shares")
    .values({ chute_id, shared_by: alice.userId, shared_to: bob.userId, shared_at: NOW })
    .execute();
  for (const url of [...urls, ...byName]) expect((await get(api, bob, url)).statusCode, url).toBe(200);
  expect((await remove(api, bob, chute_id)).statusCode).toBe(404);
  expect((await remove(api, bob, "secret/model")).statusCode).toBe(404);
  expect(namesOf(await get(api, bob, "/chutes/?include_public=true"))).toEqual([]);
  expect(namesOf(await get(api, bob, "/chutes/?include_shared=true"))).toEqual(["secret/model"]);
  await db.deleteFrom("chute_shares").execute();
  for (const url of [...urls, ...byName]) expect((await get(api, bob, url)).statusCode, url).toBe(404);
});

test("03 §9.2: a name means first one's own chute, then the platform's, then the busiest", async ({
  api,
  db,
  alice,
}) => {
  const deployers = { chutes: "platform", bob: "bob's", carol: "carol's" };
  for (const username of Object.keys(deployers)) {
    // Nobody can register the platform's name; its account is made otherwise.
    const owner = await givenDeveloper(api, {
      username: username === "chutes" ? "founder" : username,
      permissions: PUBLISHER,
    });
    await givenImage(api, owner, { public: true });
    await deploy(api, owner, { name: "same", public: true });
  }
  await db
    .updateTable("chutes")
    .set({ invocation_count: 9 })
    .where("chute_id", "=", chuteIdOf("carol", "same"))
    .execute();
  const ownerOf = async (url: string) => (await get(api, alice, url)).json().user.username;
  expect(await ownerOf("/chutes/same")).toBe("carol");
  await db.updateTable("users").set({ username: "chutes" }).where("username", "=", "founder").execute();
  expect(await ownerOf("/chutes/same")).toBe("chutes");
  expect(await ownerOf("/chutes/bob/same")).toBe("bob");
  await deploy(api, alice, { name: "same" });
  expect(await ownerOf("/chutes/SAME")).toBe("alice");
});

test("03 §20.11: booleans in any spelling; page and offset exclude each other", async ({ api }) => {
  const bob = await givenDeveloper(api, { username: "bob", permissions: PUBLISHER });
  await givenImage(api, bob, { public: true });
  await deploy(api, bob, { public: true });
  const alice = await givenDeveloper(api, { username: "alice" });
  const lists = await Promise.all(
    ["True", "true", "1", "yes"].map((word) => get(api, alice, `/chutes/?include_public=${word}`)),
  );
  for (const list of lists) expect(namesOf(list)).toEqual(["my-chute"]);
  expect(namesOf(await get(api, alice, "/chutes/?include_public=False"))).toEqual([]);
  expect(namesOf(await get(api, undefined, "/chutes/"))).toEqual(["my-chute"]);
  expect((await get(api, alice, "/chutes/?page=1&offset=5")).statusCode).toBe(400);
  expect((await get(api, alice, "/chutes/?include_public=perhaps")).statusCode).toBe(422);
  expect((await get(api, alice, "/chutes/?limit=5001")).statusCode).toBe(422);
});

test("03 §9.3: lists filter by template, name, image and slug, and page without overlap", async ({ api, alice }) => {
  const revision = "0".repeat(40);
  await deploy(api, alice, { name: "org/alpha", standard_template: "vllm", cords: TEMPLATE_CORDS.vllm, revision });
  await deploy(api, alice, { name: "org/beta" });
  await deploy(api, alice, { name: "gamma" });
  const names = async (query: string) => namesOf(await get(api, alice, `/chutes/?${query}`)).sort();
  expect(await names("template=vllm")).toEqual(["org/alpha"]);
  expect(await names("template=other")).toEqual(["gamma", "org/beta"]);
  expect(await names("name=ORG")).toEqual(["org/alpha", "org/beta"]);
  expect(await names("exclude=org")).toEqual(["gamma"]);
  expect(await names("image=MY-IM")).toHaveLength(3);
  expect(await names("image=2.0")).toEqual([]);
  expect(await names("slug=Alice-Gamma")).toEqual(["gamma"]);
  const pages = await Promise.all([0, 1, 2].map((page) => names(`limit=1&page=${page}`)));
  expect(pages.flat().sort()).toEqual(["gamma", "org/alpha", "org/beta"]);
});

test("03 §20.12: an underscore in a name is no wildcard", async ({ api, alice }) => {
  await deploy(api, alice, { name: "abc" });
  expect((await get(api, alice, "/chutes/a_c")).statusCode).toBe(404);
  expect((await get(api, alice, "/chutes/%25")).statusCode).toBe(404);
  expect(namesOf(await get(api, alice, "/chutes/?name=a_c"))).toEqual([]);
  expect((await remove(api, alice, "a_c")).statusCode).toBe(404);
});

test("03 §9.4: the source is text, exactly as it was sent", async ({ api, alice }) => {
  const code = '# ünïcode\r\nprint("hi")\n';
  const { chute_id } = (await deploy(api, alice, { code })).json();
  const response = await get(api, alice, `/chutes/code/${chute_id}`);
  expect(response.headers["content-type"]).toContain("text/plain");
  expect(response.body).toBe(code);
  expect((await get(api, undefined, `/chutes/code/${chute_id}`)).statusCode).toBe(404);
});

test("03 §20.14: a bounty of 60 s is worth 280, and is told once per window", async ({ api, alice, log }) => {
  const { chute_id } = (await deploy(api, alice)).json();
  const heard: unknown[] = [];
  const listener = await subscribe(
    { redis: api.redis, log, signal: new AbortController().signal },
    "miner_broadcast",
    (payload) => heard.push(payload),
  );
  const warmup = () => get(api, alice, `/chutes/warmup/${chute_id}?quick=true`);
  await Promise.all(Array.from({ length: 50 }, warmup));
  await expect.poll(() => heard.length).toBe(1);
  expect(heard[0]).toMatchObject({ reason: "bounty_change", data: { chute_id, bounty: 100 } });
  api.clock.now = new Date(NOW.getTime() + 60_000);
  expect((await warmup()).json().bounty).toMatchObject({
    amount: 280,
    boost: expect.closeTo(1.1022, 4),
    age_seconds: 60,
  });
  await expect.poll(() => heard.length).toBe(2);
  const listed = (await call(api, { url: "/bounties/" })).json();
  expect(listed).toEqual([
    {
      chute_id,
      bounty_amount: 280,
      seconds_elapsed: 60,
      time_remaining: expect.any(Number),
      created_at: 1_760_000_000,
    },
  ]);
  expect((await get(api, alice, `/chutes/${chute_id}`)).json().bounty).toBe(280);
  await listener.close();
});

test("03 §20.14: of 20 parallel claims exactly one wins", async ({ api }) => {
  await requestBounty(api.redis, { chuteId: "c1", isPrivate: false, rules: api.config.bounties, now: NOW });
  const later = new Date(NOW.getTime() + 60_000);
  const claims = await Promise.all(Array.from({ length: 20 }, () => claimBounty(api.redis, "c1", later)));
  expect(claims.filter((claim) => claim !== undefined)).toEqual([
    expect.objectContaining({ chuteId: "c1", amount: 280 }),
  ]);
  expect((await call(api, { url: "/bounties/" })).json()).toEqual([]);
});

test("03 §20.15: warming up a cold chute, then a hot one", async ({ api, alice }) => {
  const { chute_id } = (await deploy(api, alice)).json();
  const quick = async () => (await get(api, alice, "/chutes/warmup/my-chute?quick=True")).json();
  expect(await quick()).toEqual({
    chute_id,
    status: "cold",
    instance_count: 0,
    bounty: { amount: 100, boost: 1.1, age_seconds: 0, created_at: 1_760_000_000 },
    instances: [],
  });
  await givenInstance(api, chute_id, { instanceId: "i-1", active: true });
  expect(await quick()).toMatchObject({
    status: "hot",
    instance_count: 1,
    instances: [{ instance_id: "i-1", active: true, gpu_count: 0, gpu_model_name: null }],
  });
  const stream = await get(api, alice, `/chutes/warmup/${chute_id}`);
  expect(stream.headers["content-type"]).toContain("text/event-stream");
  expect(stream.body).toMatch(/^data: \{"status":"hot","log":"[^"]+"\}\n\n$/);
});

test("03 §20.15: nobody, the penniless and disabled chutes are not warmed up", async ({ api, db, alice }) => {
  const { chute_id } = (await deploy(api, alice)).json();
  const url = `/chutes/warmup/${chute_id}?quick=true`;
  expect((await get(api, undefined, url)).statusCode).toBe(401);
  await db.updateTable("users").set({ permissions_bitmask: 0 }).execute();
  api.directory.drop({ kind: "account", id: alice.userId });
  expect((await get(api, alice, url)).statusCode).toBe(402);
  await db.updateTable("chutes").set({ disabled: true }).execute();
  expect((await get(api, alice, url)).statusCode).toBe(503);
  expect((await call(api, { url: "/bounties/" })).json()).toEqual([]);
});

test("03 §20.19: deleting a chute ends its instances without blame and tells everybody", async ({ api, db, alice }) => {
  const { chute_id, version } = (await deploy(api, alice)).json();
  for (const instanceId of ["i-1", "i-2"]) await givenInstance(api, chute_id, { instanceId, active: true });
  await requestBounty(api.redis, { chuteId: chute_id, isPrivate: true, rules: api.config.bounties, now: NOW });
  await relayOutbox(api);
  expect((await remove(api, alice, "My-Chute")).json()).toEqual({ chute_id, deleted: true });
  const audit = await db
    .selectFrom("instance_audit")
    .select(["valid_termination", "deletion_reason", "deleted_at"])
    .execute();
  expect(audit).toHaveLength(2);
  for (const row of audit)
    expect(row).toEqual({ valid_termination: true, deletion_reason: "chute deleted", deleted_at: NOW });
  const events = await relayOutbox(api);
  const reasons = events.map(({ payload }) => (payload as { reason?: string }).reason);
  expect(reasons.filter((reason) => reason === "chute_deleted")).toHaveLength(1);
  expect(events).toContainEqual({
    channel: "miner_broadcast",
    payload: { reason: "chute_deleted", data: { chute_id, version } },
  });
  expect(reasons.filter((reason) => reason === "instance_deleted").length).toBeGreaterThanOrEqual(2);
  expect((await call(api, { url: "/bounties/" })).json()).toEqual([]);
  expect((await call(api, { url: "/chutes/gpu_count_history" })).json()).toEqual([{ chute_id, gpu_count: 1 }]);
  expect((await remove(api, alice, "my-chute")).statusCode).toBe(404);
});

test("03 §15: deploys are announced in their own transaction", async ({ api, db, alice }) => {
  await db.deleteFrom("outbox").execute();
  const created = (await deploy(api, alice)).json();
  const data = { chute_id: created.chute_id, version: created.version, job_only: false };
  expect(await relayOutbox(api)).toContainEqual({
    channel: "miner_broadcast",
    payload: { reason: "chute_created", data },
  });
  await deploy(api, alice);
  expect(await relayOutbox(api)).toEqual([]);
  await givenInstance(api, created.chute_id, { instanceId: "i-1", active: true });
  const updated = (
    await deploy(api, alice, { code: "x = 1\n", cords: [], jobs: [job()], use_rolling_update: false })
  ).json();
  expect(updated.jobs).toEqual([{ ...job(), disk_gb: 10 }]);
  const events = await relayOutbox(api);
  expect(events).toContainEqual({
    channel: "miner_broadcast",
    payload: {
      reason: "chute_updated",
      data: { chute_id: created.chute_id, version: updated.version, job_only: true },
    },
  });
  // Instances of the old version are gone at once.
  expect(updated.instances).toEqual([]);
  const { deletion_reason } = await db.selectFrom("instance_audit").select("deletion_reason").executeTakeFirstOrThrow();
  expect(deletion_reason).toContain("has an old version");
});

test("03 §5.6: an update keeps what only creation sets", async ({ api, db, alice }) => {
  await deploy(api, alice, { encrypted_fs: true, standard_template: "diffusion" });
  await db.updateTable("chutes").set({ discount: 0.5, boost: 2, openrouter: true, invocation_count: 7 }).execute();
  const changes = { code: "x = 1\n", tagline: "new", encrypted_fs: true, max_instances: 5, standard_template: null };
  await deploy(api, alice, changes);
  const [row] = await chuteRows(api);
  expect(row).toMatchObject({
    tagline: "new",
    max_instances: 5,
    standard_template: "diffusion",
    lock_modules: true,
    encrypted_fs: true,
    discount: 0.5,
    boost: 2,
    openrouter: true,
    invocation_count: 7,
    created_at: NOW,
  });
  await deploy(api, alice, { ...changes, code: "x = 2\n", encrypted_fs: false });
  await deploy(api, alice, { ...changes, code: "x = 3\n", encrypted_fs: true });
  expect((await chuteRows(api))[0]?.encrypted_fs).toBe(false);
});

test("03 §20.21: fifty concurrent deploys of one new name make one chute and one fee", async ({ api, db }) => {
  const bob = await givenDeveloper(api, { username: "bob", balanceUsd: 100 });
  await givenImage(api, bob);
  const responses = await Promise.all(Array.from({ length: 50 }, () => deploy(api, bob)));
  const statuses = responses.map(({ statusCode }) => statusCode);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 409)).toHaveLength(49);
  expect(await chuteRows(api)).toHaveLength(1);
  expect(await db.selectFrom("ledger_transfers").selectAll().execute()).toHaveLength(1);
});

test("03 §9.6: rolling updates are listed for miners, and hold back bounties", async ({ api, db, alice }) => {
  const { chute_id } = (await deploy(api, alice)).json();
  expect((await call(api, { url: "/chutes/rolling_updates" })).json()).toEqual([]);
  const permitted = { [ADDRESS_B]: 1 };
  await db
    .insertInto("rolling_updates")
    .values({ chute_id, old_version: "v1", new_version: "v2", permitted: JSON.stringify(permitted), started_at: NOW })
    .execute();
  expect((await call(api, { url: "/chutes/rolling_updates" })).json()).toEqual([
    { chute_id, old_version: "v1", new_version: "v2", started_at: "2025-10-09T08:53:20.000000+00:00", permitted },
  ]);
  const warmup = (await get(api, alice, `/chutes/warmup/${chute_id}?quick=true`)).json();
  expect(warmup).toMatchObject({ status: "cold", bounty: null });
});

test("03 §5: an API key deploys as its owner", async ({ api, alice }) => {
  const body = { name: "ci", admin: false, scopes: [{ object_type: "chutes", action: "write" }] };
  const created = await call(api, { url: "/api_keys/", body, signer: alice.signer });
  const apiKey = created.json().secret_key;
  const response = await call(api, { url: "/chutes/?accept_fee=true", body: deployBody(), apiKey });
  expect(response.json().user.username).toBe("alice");
});
