import { randomBytes, randomUUID } from "node:crypto";
import { registerBuiltImage } from "../../src/domain/images/image-repository.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { signedHeaders } from "../../src/wire/headers.js";
import { type Keypair, keypairFromSeed } from "../../src/wire/keypair.js";
import { deploySeed } from "./openapi-bodies.js";

/** An account with every kind of credential. */
export interface FuzzUser {
  readonly signer: Keypair;
  readonly userId: string;
  readonly username: string;
  readonly fingerprint: string;
  readonly adminKey: string;
  readonly keyId: string;
}

/** What the generated requests name: things to read, and things that may be lost. */
export interface FuzzWorld {
  readonly admin: FuzzUser;
  readonly dev: FuzzUser & { readonly token: string; readonly scopedKey: string };
  /** Its fingerprint, keys and hotkey may change; nothing else depends on it. */
  readonly doomed: FuzzUser;
  /** Accounts for whoever deletes accounts. */
  readonly victims: readonly FuzzUser[];
  readonly miner: Keypair;
  readonly coldkey: string;
  readonly imageId: string;
  readonly chuteId: string;
  readonly chuteName: string;
  readonly instanceId: string;
  readonly doomedChuteId: string;
}

export interface WorldOptions {
  readonly url: string;
  readonly db: Db;
  readonly miner: Keypair;
}

/** Every bit that chapter 01 §7 names. */
const ALL_PERMISSIONS = 0xfff;

export async function makeFuzzWorld({ url, db, miner }: WorldOptions): Promise<FuzzWorld> {
  const coldkey = newKey().address;
  const place = { url, db, coldkey };
  const admin = await newUser(place, { username: "admin_1", permissions: ALL_PERMISSIONS });
  const dev = await newUser(place, { username: "dev_1", permissions: 0 });
  const doomed = await newUser(place, { username: "doomed_1", permissions: 0 });
  const victims: FuzzUser[] = [];
  for (let index = 0; index < 12; index += 1)
    victims.push(await newUser(place, { username: `victim_${index}`, permissions: 0 }));
  const chuteName = "org/my-chute";
  const image = { name: "my-image", tag: "1.0", public: false, chutesVersion: "0.6.10", now: new Date() };
  const imageId = await registerBuiltImage(db, { owner: dev, ...image });
  const chuteId = await deploy(url, dev, { ...deploySeed(imageId, chuteName) });
  const doomedChuteId = await deploy(url, dev, { ...deploySeed(imageId, "doomed") });
  const scoped = { name: "scoped", admin: false, scopes: [{ object_type: "chutes", object_id: chuteId }] };
  const scopedKey = String((await post(url, "/api_keys/", { signer: dev.signer, body: scoped }))["secret_key"]);
  const login = await post(url, "/users/login", { body: { fingerprint: dev.fingerprint } }).catch(() => ({
    token: "",
  }));
  const instanceId = randomUUID();
  await givenInstance(db, { instanceId, chuteId, miner: miner.address });
  return {
    admin,
    dev: { ...dev, scopedKey, token: String(login["token"]) },
    doomed,
    victims,
    miner,
    coldkey,
    imageId,
    chuteId,
    chuteName,
    instanceId,
    doomedChuteId,
  };
}

function newKey(): Keypair {
  return keypairFromSeed(randomBytes(32).toString("hex"));
}

/** Rich and powerful before anything reads the account: the api caches what it has read. */
async function newUser(
  { url, db, coldkey }: { url: string; db: Db; coldkey: string },
  { username, permissions }: { username: string; permissions: number },
): Promise<FuzzUser> {
  const signer = newKey();
  const registered = await post(url, "/users/register?token=replaceme", { signer, body: { username, coldkey } });
  const userId = String(registered["user_id"]);
  await db
    .updateTable("users")
    .set({ balance_micro_usd: 1_000_000_000_000n, permissions_bitmask: permissions })
    .where("user_id", "=", userId)
    .execute();
  const key = await post(url, "/api_keys/", { signer, body: { name: "all", admin: true } });
  return {
    signer,
    username,
    userId,
    fingerprint: String(registered["fingerprint"]),
    adminKey: String(key["secret_key"]),
    keyId: String(key["api_key_id"]),
  };
}

async function deploy(url: string, owner: FuzzUser, body: object): Promise<string> {
  const answer = await post(url, "/chutes/?accept_fee=true", { signer: owner.signer, body });
  return String(answer["chute_id"]);
}

async function post(
  url: string,
  path: string,
  { signer, body }: { signer?: Keypair; body: object },
): Promise<Record<string, unknown>> {
  const text = JSON.stringify(body);
  const headers = signer === undefined ? {} : signedHeaders(signer, { body: text }, new Date());
  const answer = await fetch(url + path, { method: "POST", body: text, headers });
  const shown = await answer.text();
  if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${shown}`);
  return JSON.parse(shown) as Record<string, unknown>;
}

async function givenInstance(
  db: Db,
  { instanceId, chuteId, miner }: { instanceId: string; chuteId: string; miner: string },
): Promise<void> {
  const at = new Date();
  const times = { created_at: at, updated_at: at, activated_at: at };
  const owner = { miner_uid: 7, miner_hotkey: miner, miner_coldkey: miner };
  await db
    .insertInto("instances")
    .values({
      instance_id: instanceId,
      chute_id: chuteId,
      version: "v1",
      ...owner,
      ...times,
      host: "127.0.0.1",
      // Nothing listens there: calls to the instance fail at once.
      port: 9,
      active: true,
      verified: true,
    })
    .execute();
}
