import { randomUUID } from "node:crypto";
import type { Db } from "../../src/infra/postgres/client.js";
import { cordsJson } from "./openapi-bodies.js";
import type { FuzzWorld } from "./openapi-world.js";

const AT = new Date();

/** Many of everything that the world has one of, all the developer's. */
export async function multiply(db: Db, world: FuzzWorld, count: number): Promise<void> {
  const each = Array.from({ length: count }, (_, index) => index);
  const { dev, imageId, chuteId, miner } = world;
  await addUsers(db, each);
  const times = { created_at: AT, updated_at: AT };
  const images = each.map((index) => ({
    image_id: randomUUID(),
    user_id: dev.userId,
    name: `image-${index}`,
    tag: "1",
    status: "built and pushed",
    public: true,
    created_at: AT,
  }));
  await db.insertInto("images").values(images).execute();
  const chutes = each.map((index) => ({
    chute_id: randomUUID(),
    user_id: dev.userId,
    name: `many-${index}`,
    image_id: imageId,
    public: index % 2 === 0,
    standard_template: index % 3 === 0 ? "vllm" : null,
    cords: cordsJson(),
    node_selector: JSON.stringify({ gpu_count: 1 + (index % 8), min_vram_gb_per_gpu: 16 }),
    slug: `many-${index}`,
    code: "",
    filename: "app.py",
    ref_str: "app:chute",
    version: "v1",
    ...times,
  }));
  await db.insertInto("chutes").values(chutes).execute();
  const chuteIds = chutes.map((chute) => chute.chute_id);
  await addInstances(db, [...chuteIds, ...chuteIds.map(() => chuteId)], miner.address);
  await addKeys(db, each, dev.userId);
  await addEntitlements(db, chuteIds, dev.userId);
  await addShares(db, { chuteIds, each, owner: dev.userId, chuteId });
}

async function addUsers(db: Db, each: readonly number[]): Promise<void> {
  const users = each.map((index) => ({
    user_id: `many-${index}`,
    username: `many_${index}`,
    coldkey: "c",
    payment_address: "p",
    wallet_secret: "w",
    fingerprint_hash: `many-${index}`,
    permissions_bitmask: 256,
    created_at: AT,
    updated_at: AT,
  }));
  await db.insertInto("users").values(users).execute();
}

async function addInstances(db: Db, chuteIds: readonly string[], hotkey: string): Promise<void> {
  const rows = chuteIds.map((chute_id, index) => ({
    instance_id: randomUUID(),
    chute_id,
    version: "v1",
    miner_uid: 7,
    miner_hotkey: hotkey,
    miner_coldkey: hotkey,
    host: "127.0.0.1",
    port: 20_000 + index,
    active: true,
    verified: true,
    created_at: AT,
    updated_at: AT,
    activated_at: AT,
  }));
  await db.insertInto("instances").values(rows).execute();
}

async function addKeys(db: Db, each: readonly number[], user_id: string): Promise<void> {
  const keys = each.map((index) => ({
    api_key_id: randomUUID(),
    user_id,
    key_hash: "sha256:x",
    admin: false,
    name: `many-${index}`,
    created_at: AT,
  }));
  await db.insertInto("api_keys").values(keys).execute();
  const scopes = keys.flatMap(({ api_key_id }) =>
    ["chutes", "images"].map((object_type) => ({ scope_id: randomUUID(), api_key_id, object_type })),
  );
  await db.insertInto("api_key_scopes").values(scopes).execute();
}

async function addEntitlements(db: Db, chuteIds: readonly string[], user_id: string): Promise<void> {
  const rows = chuteIds.map((chute_id) => ({ user_id, chute_id, updated_at: AT }));
  await db
    .insertInto("invocation_quotas")
    .values(rows.map((row) => ({ ...row, quota: 5 })))
    .execute();
  await db
    .insertInto("invocation_discounts")
    .values(rows.map((row) => ({ ...row, discount: 0.5 })))
    .execute();
  await db
    .insertInto("price_overrides")
    .values(rows.map((row) => ({ ...row, per_request: 0.1 })))
    .execute();
  const hour = new Date(AT);
  hour.setUTCMinutes(0, 0, 0);
  await db
    .insertInto("usage_data")
    .values(chuteIds.map((chute_id) => ({ user_id, chute_id, bucket: hour, count: 1, amount_micro_usd: 5n })))
    .execute();
}

interface Shares {
  readonly chuteIds: readonly string[];
  readonly each: readonly number[];
  readonly owner: string;
  readonly chuteId: string;
}

async function addShares(db: Db, { chuteIds, each, owner, chuteId }: Shares): Promise<void> {
  const shared = { shared_by: owner, shared_at: AT };
  const shares = each.map((index) => ({ ...shared, chute_id: chuteId, shared_to: `many-${index}` }));
  await db.insertInto("chute_shares").values(shares).execute();
  const secrets = chuteIds.map((purpose) => ({
    secret_id: randomUUID(),
    user_id: owner,
    purpose,
    key: "TOKEN",
    value: "sealed",
    created_at: AT,
  }));
  await db.insertInto("secrets").values(secrets).execute();
  const updates = chuteIds.map((chute_id) => ({
    chute_id,
    old_version: "v0",
    new_version: "v1",
    started_at: AT,
    permitted: "{}",
  }));
  await db.insertInto("rolling_updates").values(updates).execute();
}
