import { expect } from "vitest";
import { decryptWalletText } from "../../../../src/wire/wallet-cipher.js";
import {
  type AccountApi,
  call,
  type Developer,
  deploy,
  givenDeveloper,
  givenImage,
} from "../../../support/account-api.js";
import { test } from "../../../support/account-test.js";

async function developerWithChute(api: AccountApi, username: string, name: string) {
  const owner = await givenDeveloper(api, { username, balanceUsd: 100 });
  await givenImage(api, owner);
  const deployed = await deploy(api, owner, { name });
  return { owner, chuteId: deployed.json<{ chute_id: string }>().chute_id };
}

const create = (api: AccountApi, { signer }: Developer, body: Record<string, unknown>) =>
  call(api, { url: "/secrets/", signer, body: { purpose: "My_App", key: "TOKEN", value: "v", ...body } });

const read = (api: AccountApi, { signer }: Developer, url: string) => call(api, { url, signer, purpose: "secrets" });

test("a chute is named by its id or exactly by its name in any case, never by a pattern", async ({ api }) => {
  const { owner, chuteId } = await developerWithChute(api, "alice", "My_App");
  const status = async (purpose: string, key: string) => (await create(api, owner, { purpose, key })).statusCode;
  expect(await status("my_app", "A")).toBe(200);
  expect(await status(chuteId.toUpperCase(), "B")).toBe(200);
  for (const purpose of ["MyXApp", "My%", "My"]) expect(await status(purpose, "C")).toBe(404);
});

test("another developer's chute is unknown, public or not, and so are their secrets", async ({ api }) => {
  const { owner, chuteId } = await developerWithChute(api, "alice", "My_App");
  const secretId = (await create(api, owner, {})).json<{ secret_id: string }>().secret_id;
  await api.db.updateTable("chutes").set({ public: true }).execute();
  const bob = await givenDeveloper(api, { username: "bob" });
  expect((await create(api, bob, { purpose: chuteId, key: "X" })).statusCode).toBe(404);
  expect((await read(api, bob, `/secrets/${secretId}`)).statusCode).toBe(404);
  expect((await read(api, bob, "/secrets/")).json()).toMatchObject({ total: 0, items: [] });
  const remove = { url: `/secrets/${secretId}`, method: "DELETE", signer: bob.signer, purpose: "secrets" } as const;
  expect((await call(api, remove)).statusCode).toBe(404);
  expect((await read(api, owner, `/secrets/${secretId.toUpperCase()}`)).statusCode).toBe(200);
});

test("a value is kept to the byte, up to 32 KiB of them, and a longer one is refused", async ({ api, db }) => {
  const { owner } = await developerWithChute(api, "alice", "My_App");
  const value = `${"ü".repeat(16_383)}\n"`;
  expect((await create(api, owner, { value })).statusCode).toBe(200);
  const stored = await db.selectFrom("secrets").select("value").executeTakeFirstOrThrow();
  const { walletKey: walletKeyHex, pgEncryptionKey: pgKey } = api.config.accounts;
  expect(await decryptWalletText(stored.value, { walletKeyHex, pgKey })).toBe(value);
  expect((await create(api, owner, { key: "B", value: `${value}x` })).statusCode).toBe(400);
  expect((await create(api, owner, { key: "B", value: "a\0b" })).statusCode).toBe(400);
});

test("a refused body does not come back with its value", async ({ api }) => {
  const { owner } = await developerWithChute(api, "alice", "My_App");
  const attempts = [
    { value: 1_234_567 },
    { value: ["1234567"] },
    { key: 5, value: "1234567" },
    { key: "-", value: "1234567" },
  ];
  for (const attempt of attempts) {
    const answer = await create(api, owner, attempt);
    expect([400, 422]).toContain(answer.statusCode);
    expect(answer.body).not.toContain("1234567");
  }
});

test("a chute has at most 100 secrets, also when many are made at once", async ({ api, db }) => {
  const { owner, chuteId } = await developerWithChute(api, "alice", "My_App");
  const rows = Array.from({ length: 97 }, (_, index) => ({
    secret_id: `s${index}`,
    user_id: owner.userId,
    purpose: chuteId,
    key: `K${index}`,
    value: "00",
    created_at: api.clock.now,
  }));
  await db.insertInto("secrets").values(rows).execute();
  const made = await Promise.all(Array.from({ length: 8 }, (_, index) => create(api, owner, { key: `N${index}` })));
  expect(made.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 200, 400, 400, 400, 400, 400]);
});

test("of parallel creations of one key a single one succeeds", async ({ api }) => {
  const { owner } = await developerWithChute(api, "alice", "My_App");
  const made = await Promise.all(Array.from({ length: 5 }, (_, index) => create(api, owner, { value: `v${index}` })));
  expect(made.map(({ statusCode }) => statusCode).sort()).toEqual([200, 409, 409, 409, 409]);
});

test("the list is paged, newest first, and answers 25 when no limit is given", async ({ api }) => {
  const { owner } = await developerWithChute(api, "alice", "My_App");
  for (const key of ["A", "B", "C"]) {
    api.clock.now = new Date(api.clock.now.getTime() + 1000);
    expect((await create(api, owner, { key })).statusCode).toBe(200);
  }
  const page = async (query: string) => (await read(api, owner, `/secrets/${query}`)).json<Record<string, unknown>>();
  const keysOf = ({ items }: Record<string, unknown>) => (items as { key: string }[]).map(({ key }) => key);
  expect(await page("?limit=0")).toMatchObject({ total: 3, page: 0, limit: 25 });
  expect(keysOf(await page("?limit=2"))).toEqual(["C", "B"]);
  expect(keysOf(await page("?limit=2&page=1"))).toEqual(["A"]);
  for (const query of ["?page=-1", "?limit=-1", "?limit=abc"])
    expect((await read(api, owner, `/secrets/${query}`)).statusCode).toBe(422);
});

test("only an admin key or the owner's own signature makes secrets", async ({ api }) => {
  const { owner } = await developerWithChute(api, "alice", "My_App");
  const keyFor = async (admin: boolean) => {
    const body = { name: String(admin), admin, scopes: [{ object_type: "chutes" }] };
    return (await call(api, { url: "/api_keys/", signer: owner.signer, body })).json<{ secret_key: string }>()
      .secret_key;
  };
  const body = { purpose: "My_App", key: "TOKEN", value: "v" };
  expect((await call(api, { url: "/secrets/", body })).statusCode).toBe(401);
  expect((await call(api, { url: "/secrets/", body, apiKey: await keyFor(false) })).statusCode).toBe(401);
  expect((await call(api, { url: "/secrets/", body, apiKey: await keyFor(true) })).statusCode).toBe(200);
});

test("the secrets of a chute go with it", async ({ api, db }) => {
  const { owner, chuteId } = await developerWithChute(api, "alice", "My_App");
  expect((await create(api, owner, {})).statusCode).toBe(200);
  const remove = { url: `/chutes/${chuteId}`, method: "DELETE", signer: owner.signer, purpose: "chutes" } as const;
  expect((await call(api, remove)).statusCode).toBe(200);
  expect(await db.selectFrom("secrets").selectAll().execute()).toEqual([]);
});
