import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import { beforeAll, expect } from "vitest";
import { build, runBinary } from "../support/binary.js";
import { test as base } from "../support/fixtures.js";

beforeAll(build, 120_000);

interface Fixtures {
  keys: { WALLET_KEY: string; PG_ENCRYPTION_KEY: string };
  /** Runs a command on the test's database; its document under --json. */
  command: (
    args: readonly string[],
    env?: Record<string, string>,
  ) => Promise<{ code: number | null; json: Json; stderr: string }>;
}

type Json = Record<string, unknown>;

const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  keys: async ({}, use) => {
    await use({ WALLET_KEY: randomBytes(32).toString("hex"), PG_ENCRYPTION_KEY: randomBytes(64).toString("hex") });
  },
  command: async ({ databaseUrl, keys }, use) => {
    const own = { CHUTES_ENV: "dev", POSTGRES_URL: databaseUrl, REDIS_URL: "", ...keys };
    await use(async (args, env = {}) => {
      const { code, stdout, stderr } = await runBinary([...args, "--json"], { ...own, ...env });
      return { code, stderr, json: JSON.parse(stdout) as Json };
    });
  },
});

test("an empty database gets its administrator, who is then given money and loses a key", async ({ command, db }) => {
  const created = await command(["users", "create", "boss", "--admin", "--key", "console"]);
  expect(created).toMatchObject({ code: 0, stderr: "" });
  expect(created.json).toMatchObject({
    username: "boss",
    fingerprint: expect.stringMatching(/^\w{32}$/),
    dry_run: false,
  });
  expect(String(created.json["secret_key"])).toHaveLength(102);
  const paid = await command(["users", "balance", "boss", "--add", "12.5", "--reason", "welcome"]);
  expect(paid.json).toMatchObject({ amount: 12.5, balance: 12.5 });
  const [granted, listed] = await Promise.all([
    command(["users", "grant", "boss", "free_account", "unlimited"]),
    command(["keys", "list", "boss"]),
  ]);
  expect(granted.json["after"]).toEqual(expect.arrayContaining(["free_account", "super_admin", "unlimited"]));
  expect(listed.json).toMatchObject({ keys: [{ name: "console", admin: true }] });
  const revoked = await command(["keys", "revoke", "boss", "console"]);
  expect(revoked.json).toMatchObject({ revoked: [{ name: "console" }], dry_run: false });
  expect(await db.selectFrom("api_keys").selectAll().execute()).toEqual([]);
  const actors = await db.selectFrom("account_audit").select("actor").distinct().execute();
  expect(actors).toEqual([{ actor: `operator:${userInfo().username}` }]);
}, 120_000);

test("mistakes are named and end with 2, a missing user with 1", async ({ command }) => {
  const away = "postgres://x@127.0.0.1:1/x";
  const [wrong, missing, unnamed, unreachable, both] = await Promise.all([
    command(["users", "grant", "boss", "king"]),
    command(["users", "show", "nobody"]),
    command(["users", "list"], { POSTGRES_URL: "" }),
    command(["users", "list"], { POSTGRES_URL: away }),
    command(["users", "balance", "boss", "--add", "1", "--take", "1", "--reason", "r"]),
  ]);
  expect(wrong).toMatchObject({ code: 2, json: { error: { fix: expect.stringContaining("billing_admin") } } });
  expect(missing).toMatchObject({ code: 1, json: { error: { code: "not_found" } } });
  expect(unnamed).toMatchObject({ code: 2, json: { error: { code: "CFG003" } } });
  expect(unreachable).toMatchObject({ code: 1, json: { error: { code: "DB002", retryable: true } } });
  expect(both.code).toBe(2);
}, 120_000);

test("wallets are verified, rotated to keys of the environment, and no longer open with the old ones", async ({
  command,
  keys,
}) => {
  await command(["users", "create", "alice"]);
  expect(await command(["wallets", "verify"])).toMatchObject({ code: 0, json: { checked: 1, problems: [] } });
  const fresh = { WALLET_KEY: randomBytes(32).toString("hex"), PG_ENCRYPTION_KEY: "another passphrase" };
  const environment = { NEW_WALLET_KEY: fresh.WALLET_KEY, NEW_PG_ENCRYPTION_KEY: fresh.PG_ENCRYPTION_KEY };
  const rotated = await command(["wallets", "rotate"], environment);
  expect(rotated).toMatchObject({ code: 0, json: { rotated: 1, done: 0, problems: [], dry_run: false } });
  expect(JSON.stringify(rotated)).not.toContain(fresh.WALLET_KEY);
  const [withNew, withOld] = await Promise.all([
    command(["wallets", "verify"], fresh),
    command(["wallets", "verify"], keys),
  ]);
  expect(withNew).toMatchObject({ code: 0, json: { problems: [] } });
  expect(withOld).toMatchObject({ code: 3, json: { problems: [{ column: "payment wallet" }] } });
  expect(await command(["wallets", "rotate"])).toMatchObject({ code: 2, json: { error: { code: "CFG003" } } });
}, 120_000);
