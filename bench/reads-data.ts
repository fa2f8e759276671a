import { sql } from "kysely";
import type { Db } from "../src/infra/postgres/client.js";
import { apiKeyHash, newApiKey } from "../src/wire/api-key.js";
import { TEMPLATE_CORDS } from "../src/wire/cords.js";

const USER_ID = "11111111-1111-4111-8111-111111111111";
const KEY_ID = "22222222-2222-4222-8222-222222222222";
const AT = new Date("2026-01-07T10:00:00Z");

export const CHUTES = 1000;
export const INSTANCES = 5000;

/** One account with an admin key that owns every chute; five active instances each. @returns the key */
export async function fillForReads(db: Db): Promise<string> {
  const apiKey = newApiKey({ apiKeyId: KEY_ID, userId: USER_ID });
  const identity = { user_id: USER_ID, username: "bench", coldkey: "c", payment_address: "p", wallet_secret: "w" };
  const times = { created_at: AT, updated_at: AT };
  await db
    .insertInto("users")
    .values({ ...identity, ...times, fingerprint_hash: "f", balance_micro_usd: 1_000_000_000n })
    .execute();
  const key = { api_key_id: KEY_ID, user_id: USER_ID, key_hash: apiKeyHash(apiKey), admin: true, name: "bench" };
  await db
    .insertInto("api_keys")
    .values({ ...key, created_at: AT })
    .execute();
  const image = { image_id: "image", user_id: USER_ID, name: "engine", tag: "1", status: "built and pushed" };
  await db
    .insertInto("images")
    .values({ ...image, public: true, created_at: AT })
    .execute();
  await insertChutes(db);
  await insertInstances(db);
  await sql`analyze`.execute(db);
  return apiKey;
}

async function insertChutes(db: Db): Promise<void> {
  const rows = Array.from({ length: CHUTES }, (_, index) => ({
    chute_id: chuteId(index),
    user_id: USER_ID,
    name: `bench/model-${index}`,
    tagline: `Model number ${index}`,
    readme: "A language model.\n".repeat(20),
    image_id: "image",
    public: index % 2 === 0,
    standard_template: "vllm",
    cords: JSON.stringify(TEMPLATE_CORDS.vllm),
    node_selector: JSON.stringify({ gpu_count: 1 + (index % 8), min_vram_gb_per_gpu: 24 }),
    slug: `bench-model-${index}`,
    code: "# source\n".repeat(500),
    filename: "app.py",
    ref_str: "app:chute",
    version: "v1",
    concurrency: 16,
    chutes_version: "0.6.10",
    invocation_count: (index * 7919) % 1000,
    created_at: AT,
    updated_at: AT,
  }));
  await db.insertInto("chutes").values(rows).execute();
}

async function insertInstances(db: Db): Promise<void> {
  const rows = Array.from({ length: INSTANCES }, (_, index) => ({
    instance_id: `44444444-4444-4444-8444-${String(index).padStart(12, "0")}`,
    chute_id: chuteId(index % CHUTES),
    version: "v1",
    chutes_version: "0.6.10",
    miner_uid: index % 250,
    miner_hotkey: `hotkey-${index % 250}`,
    miner_coldkey: "c",
    host: `10.0.${index >> 8}.${index & 255}`,
    port: 31_000,
    active: true,
    verified: true,
    created_at: AT,
    updated_at: AT,
    activated_at: AT,
  }));
  const batch = 1000;
  for (let at = 0; at < rows.length; at += batch)
    await db
      .insertInto("instances")
      .values(rows.slice(at, at + batch))
      .execute();
}

function chuteId(index: number): string {
  return `33333333-3333-4333-8333-${String(index).padStart(12, "0")}`;
}
