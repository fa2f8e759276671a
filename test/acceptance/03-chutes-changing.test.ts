import { sql } from "kysely";
import { expect } from "vitest";
import { requestBounty } from "../../src/domain/bounties/bounty-store.js";
import { redisKeys } from "../../src/infra/redis/keys.js";
import {
  type AccountApi,
  call,
  type Developer,
  deploy,
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
  /** Never charged, may publish, owns the built public image `my-image:1.0`. */
  alice: Developer;
}

const test = base.extend<Fixtures>({
  alice: async ({ api }, use) => {
    const alice = await givenDeveloper(api, { username: "alice", permissions: PUBLISHER });
    await givenImage(api, alice, { public: true });
    await use(alice);
  },
});

const get = (api: AccountApi, user: Developer, url: string) =>
  call(api, { url, signer: user.signer, purpose: "chutes" });
const put = (api: AccountApi, user: Developer, ...[idOrName, body]: [idOrName: string, body: unknown]) =>
  call(api, { method: "PUT", url: `/chutes/${idOrName}`, body, signer: user.signer });
const remove = (api: AccountApi, user: Developer, idOrName: string) =>
  call(api, { method: "DELETE", url: `/chutes/${idOrName}`, signer: user.signer, purpose: "chutes" });
const share = (api: AccountApi, user: Developer, body: Record<string, unknown>) =>
  call(api, { url: "/chutes/share", body, signer: user.signer });
const unshare = (api: AccountApi, user: Developer, body: Record<string, unknown>) =>
  call(api, { url: "/chutes/unshare", body, signer: user.signer });

const reasonsOf = (events: Awaited<ReturnType<typeof relayOutbox>>) =>
  events.map(({ payload }) => (payload as { reason?: string }).reason);

function bountyFor(api: AccountApi, chuteId: string) {
  return requestBounty(api.redis, { chuteId, isPrivate: true, rules: api.config.bounties, now: NOW });
}

test("03 §10.1: only what the body names is changed, and the version stays", async ({ api, alice }) => {
  const before = (
    await deploy(api, alice, { name: "org/model", tagline: "old", readme: "read", tool_description: "t" })
  ).json();
  api.clock.now = new Date(NOW.getTime() + 1000);
  const changed = await put(api, alice, "ORG/model", {
    tagline: "new",
    readme: null,
    tool_description: null,
    max_instances: 7,
    shutdown_after_seconds: 600,
    unknown: true,
  });
  expect(changed.statusCode).toBe(200);
  expect(changed.json()).toMatchObject({
    chute_id: before.chute_id,
    version: before.version,
    slug: before.slug,
    tagline: "new",
    readme: "read",
    tool_description: null,
    max_instances: 7,
    scaling_threshold: 0.75,
    shutdown_after_seconds: 600,
    disabled: false,
    updated_at: "2025-10-09T08:53:21.000000Z",
  });
  expect((await put(api, alice, before.chute_id, { scaling_threshold: 0.5, tagline: "" })).json()).toMatchObject({
    scaling_threshold: 0.5,
    tagline: "",
    max_instances: 7,
  });
  const history = await api.db.selectFrom("chute_history").select("version").execute();
  expect(history.map(({ version }) => version)).toEqual([before.version, before.version]);
});

test("03 §10.1: who may change what", async ({ api, db, alice }) => {
  const bob = await givenDeveloper(api, { username: "bob", permissions: FREE });
  const { chute_id } = (await deploy(api, alice)).json();
  const open = (await deploy(api, alice, { name: "open", public: true })).json().chute_id;
  const answers: [user: Developer, chute: string, body: unknown, status: number][] = [
    [bob, chute_id, { tagline: "x" }, 404],
    [bob, open, { tagline: "x" }, 404],
    [alice, "unknown", { tagline: "x" }, 404],
    [alice, open, { max_instances: 2 }, 422],
    [alice, open, { tagline: "x" }, 200],
    [alice, chute_id, { max_instances: 0 }, 422],
    [alice, chute_id, { scaling_threshold: 1.5 }, 422],
    [alice, chute_id, { shutdown_after_seconds: 59 }, 422],
    [alice, chute_id, { tagline: "x".repeat(1025) }, 422],
    [alice, chute_id, { disabled: "yes" }, 422],
    [alice, chute_id, { logo_id: "5e1f5ac4-0000-4000-8000-000000000000" }, 400],
    [alice, chute_id, { logo_id: " " }, 200],
    [alice, chute_id, {}, 200],
  ];
  for (const [user, chute, body, status] of answers)
    expect((await put(api, user, chute, body)).statusCode, `${chute} ${JSON.stringify(body)}`).toBe(status);
  await db.updateTable("chutes").set({ immutable: true }).execute();
  expect((await put(api, alice, chute_id, { tagline: "y" })).statusCode).toBe(403);
});

test("03 §10.1: a chute shows a logo of its owner's, and of nobody else's", async ({ api, db, alice }) => {
  const bob = await givenDeveloper(api, { username: "bob", permissions: FREE });
  const logoOf = async ({ userId }: Developer, logo_id: string) => {
    await db
      .insertInto("logos")
      .values({ logo_id, user_id: userId, path: `/logos/${logo_id}.webp`, created_at: NOW })
      .execute();
    return logo_id;
  };
  const own = await logoOf(alice, "11111111-1111-4111-8111-111111111111");
  const foreign = await logoOf(bob, "22222222-2222-4222-8222-222222222222");
  expect((await deploy(api, alice, { logo_id: foreign })).statusCode).toBe(400);
  expect((await deploy(api, alice, { logo_id: own })).json()).toMatchObject({ logo_id: own });
  expect((await put(api, alice, "my-chute", { logo_id: foreign })).statusCode).toBe(400);
  expect((await put(api, alice, "my-chute", { logo_id: null })).json()).toMatchObject({ logo_id: null, logo: null });
  expect((await put(api, alice, "my-chute", { logo_id: own })).json().logo).toContain(`/logos/${own}.webp`);
});

test("03 §20.24: a disabled private chute loses its instances, is refused, and comes back", async ({
  api,
  db,
  alice,
}) => {
  const { chute_id } = (await deploy(api, alice)).json();
  await givenInstance(api, chute_id, { instanceId: "i-1", active: true });
  await bountyFor(api, chute_id);
  await relayOutbox(api);
  expect((await put(api, alice, "my-chute", { disabled: true })).json()).toMatchObject({
    disabled: true,
    instances: [],
  });
  expect(await db.selectFrom("instance_audit").select(["valid_termination", "deletion_reason"]).execute()).toEqual([
    { valid_termination: true, deletion_reason: "chute disabled" },
  ]);
  expect(reasonsOf(await relayOutbox(api)).filter((reason) => reason === "instance_deleted")).toHaveLength(2);
  expect(await api.redis.get(redisKeys.chuteDisabled(chute_id))).toBe("1");
  const warmup = () => get(api, alice, `/chutes/warmup/${chute_id}?quick=true`);
  expect((await warmup()).statusCode).toBe(503);
  expect(await bountyFor(api, chute_id)).toBeUndefined();
  expect((await call(api, { url: "/bounties/" })).json()).toEqual([]);
  expect((await put(api, alice, "my-chute", { disabled: false })).json()).toMatchObject({ disabled: false });
  expect(await api.redis.get(redisKeys.chuteDisabled(chute_id))).toBeNull();
  expect((await warmup()).json()).toMatchObject({ status: "cold", bounty: { amount: 100 } });
});

test("03 §10.1: a disabled public chute keeps its instances", async ({ api, alice }) => {
  const { chute_id } = (await deploy(api, alice, { public: true })).json();
  await givenInstance(api, chute_id, { instanceId: "i-1", active: true });
  const disabled = (await put(api, alice, chute_id, { disabled: true })).json();
  expect(disabled).toMatchObject({ disabled: true, instances: [{ instance_id: "i-1" }] });
});

test("03 §20.19: nothing of a deleted chute is left but its history", async ({ api, db, alice }) => {
  const bob = await givenDeveloper(api, { username: "bob", permissions: FREE });
  const { chute_id } = (await deploy(api, alice)).json();
  for (const instanceId of ["i-1", "i-2"]) await givenInstance(api, chute_id, { instanceId, active: true });
  api.clock.now = new Date(NOW.getTime() + 1000);
  const { version } = (await deploy(api, alice, { code: "x = 1\n" })).json();
  await share(api, alice, { chute_id_or_name: chute_id, user_id_or_name: "bob" });
  await db
    .insertInto("secrets")
    .values({ secret_id: "s", user_id: alice.userId, purpose: chute_id, key: "KEY", value: "v", created_at: NOW })
    .execute();
  await db.insertInto("chute_manual_boosts").values({ chute_id, boost: 2, updated_at: NOW }).execute();
  await bountyFor(api, chute_id);
  await api.redis.set(redisKeys.scaleTarget(chute_id), "3");
  await api.redis.set(redisKeys.chuteDisabled(chute_id), "1");
  await relayOutbox(api);
  expect((await remove(api, bob, chute_id)).statusCode).toBe(404);
  expect((await remove(api, alice, "MY-chute")).json()).toEqual({ chute_id, deleted: true });
  const tables = [
    "chutes",
    "instances",
    "chute_shares",
    "secrets",
    "rolling_updates",
    "rolling_update_steps",
    "chute_manual_boosts",
  ] as const;
  for (const table of tables) expect(await db.selectFrom(table).selectAll().execute(), table).toEqual([]);
  const keys = [redisKeys.scaleTarget(chute_id), redisKeys.chuteDisabled(chute_id), redisKeys.bounty(chute_id)];
  expect(await api.redis.exists(...keys)).toBe(0);
  const audit = await db.selectFrom("instance_audit").select(["valid_termination", "deletion_reason"]).execute();
  expect(audit).toEqual([1, 2].map(() => ({ valid_termination: true, deletion_reason: "chute deleted" })));
  const events = await relayOutbox(api);
  const deleted = events.filter(({ payload }) => (payload as { reason?: string }).reason === "chute_deleted");
  expect(deleted).toEqual([
    { channel: "miner_broadcast", payload: { reason: "chute_deleted", data: { chute_id, version } } },
  ]);
  expect((await call(api, { url: "/chutes/gpu_count_history" })).json()).toEqual([{ chute_id, gpu_count: 1 }]);
});

test("a chute can be deleted while a launch of it is being verified", async ({ api, db, alice }) => {
  const { chute_id: chuteId } = (await deploy(api, alice)).json();
  await givenInstance(api, chuteId, { instanceId: "i1", active: false });
  await db.updateTable("instances").set({ config_id: "c1" }).execute();
  const miner = { miner_uid: 1, miner_hotkey: "m", miner_coldkey: "m" };
  const launch = { config_id: "c1", chute_id: chuteId, env_key: "00", ...miner, created_at: NOW };
  await db.insertInto("launch_configs").values(launch).execute();
  let removed = Promise.resolve(0);
  await db.transaction().execute(async (tx) => {
    // What a verification does: first the launch, then its instance.
    await tx.updateTable("launch_configs").set({ verified_at: NOW }).execute();
    removed = remove(api, alice, chuteId).then(({ statusCode }) => statusCode);
    await expect.poll(() => waitersFor(db)).toBe(1);
    await tx.updateTable("instances").set({ verified: true, updated_at: NOW }).execute();
  });
  expect(await removed).toBe(200);
  expect(await db.selectFrom("launch_configs").selectAll().execute()).toEqual([]);
});

async function waitersFor(db: AccountApi["db"]): Promise<number> {
  const { rows } = await sql<{ waiters: number }>`select count(*)::integer as waiters from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
  return rows[0]?.waiters ?? 0;
}

test("03 §20.10: a share opens a private chute to one more account, until it is taken back", async ({ api, alice }) => {
  const bob = await givenDeveloper(api, { username: "bob", permissions: FREE });
  const { chute_id } = (await deploy(api, alice, { name: "secret/model" })).json();
  const urls = [
    `/chutes/${chute_id}`,
    "/chutes/secret/model",
    `/chutes/code/${chute_id}`,
    `/chutes/warmup/${chute_id}?quick=true`,
  ];
  const statuses = () => Promise.all(urls.map(async (url) => (await get(api, bob, url)).statusCode));
  expect(await statuses()).toEqual([404, 404, 404, 404]);
  const body = { chute_id_or_name: "Secret/Model", user_id_or_name: "BOB" };
  for (const _again of [1, 2]) {
    const shared = await share(api, alice, body);
    expect([shared.statusCode, shared.json()]).toEqual([200, { status: expect.stringContaining("bob") }]);
  }
  expect(await statuses()).toEqual([200, 200, 200, 200]);
  expect(await api.directory.isSharedWith({ chuteId: chute_id, userId: bob.userId })).toBe(true);
  const row = {
    chute_id,
    shared_by: alice.userId,
    shared_to: bob.userId,
    shared_at: "2025-10-09T08:53:20.000000+00:00",
  };
  for (const user of [alice, bob])
    expect((await call(api, { url: "/users/me/shares", signer: user.signer, purpose: "me" })).json()).toEqual([row]);
  const foreign = await call(api, { url: "/users/alice/shares", signer: bob.signer, purpose: "me" });
  expect(foreign.statusCode).toBe(403);
  expect((await remove(api, bob, chute_id)).statusCode).toBe(404);
  expect((await put(api, bob, chute_id, { tagline: "mine" })).statusCode).toBe(404);
  const removed = await unshare(api, alice, { chute_id_or_name: chute_id, user_id_or_name: bob.userId });
  expect(removed.json()).toEqual({ status: expect.any(String) });
  expect(await statuses()).toEqual([404, 404, 404, 404]);
  expect(await api.directory.isSharedWith({ chuteId: chute_id, userId: bob.userId })).toBe(false);
});

test("03 §10.3: what cannot be shared", async ({ api, alice }) => {
  const bob = await givenDeveloper(api, { username: "bob", permissions: FREE });
  const { chute_id } = (await deploy(api, alice)).json();
  await deploy(api, alice, { name: "open", public: true });
  const answers: [user: Developer, chute: string, target: string, status: number][] = [
    [bob, chute_id, "alice", 404],
    [alice, "unknown", "bob", 404],
    [alice, "open", "bob", 400],
    [alice, chute_id, "nobody", 404],
    [alice, chute_id, "alice", 400],
    [alice, chute_id, alice.userId, 400],
  ];
  for (const [user, chute, target, status] of answers) {
    const response = await share(api, user, { chute_id_or_name: chute, user_id_or_name: target });
    expect(response.statusCode, `${chute} with ${target}`).toBe(status);
    expect(response.json()).toEqual({ detail: expect.any(String) });
  }
  expect((await share(api, alice, { chute_id_or_name: chute_id })).statusCode).toBe(422);
  expect((await unshare(api, alice, { chute_id_or_name: chute_id, user_id_or_name: "bob" })).statusCode).toBe(200);
});
