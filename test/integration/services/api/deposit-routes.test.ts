import { expect } from "vitest";
import { PERMISSION } from "../../../../src/domain/accounts/account.js";
import { acceptDeposit, depositState } from "../../../../src/domain/billing/developer-deposit-repository.js";
import type { ChainClient } from "../../../../src/infra/chain/client.js";
import { chainUnavailable } from "../../../../src/infra/chain/errors.js";
import { keypairFromMnemonic } from "../../../../src/wire/mnemonic.js";
import { decryptWalletText } from "../../../../src/wire/wallet-cipher.js";
import { type ChainUnderTest, startLocalChain } from "../../../fakes/chain-local.js";
import {
  type AccountApi,
  ADDRESS_B,
  call,
  type Developer,
  deploy,
  givenDeveloper,
  givenImage,
  startAccountApi,
} from "../../../support/account-api.js";
import { test as base } from "../../../support/fixtures.js";
import { givenKey } from "../../../support/money-test.js";

const DAY_MS = 86_400_000;
/** 0.625 TAO at 400 USD. */
const DEPOSIT_RAO = 625_000_000n;

interface Fixtures {
  net: ChainUnderTest;
  /** Between the api and its chain, for a test to break. */
  chain: { client: ChainClient };
  api: AccountApi;
  alice: Developer;
}

const test = base.extend<Fixtures>({
  net: async ({ db, log }, use) => {
    const net = await startLocalChain({ db, log });
    await use(net);
    await net.close();
  },
  chain: async ({ net }, use) => {
    await use({ client: net.client });
  },
  api: async ({ db, log, chain }, use) => {
    const api = await startAccountApi({
      db,
      log,
      accounts: { developerDepositUsd: 250 },
      settings: { pricing: { taoUsd: 400 }, deploy: { requireDeveloperRole: true } },
      chain: {
        freeBalance: (address: string) => chain.client.freeBalance(address),
        transferAll: (transfer: Parameters<ChainClient["transferAll"]>[0]) => chain.client.transferAll(transfer),
      } as ChainClient,
    });
    await use(api);
    await api.close();
  },
  alice: ({ api }, use) => givenDeveloper(api, { username: "alice" }).then(use),
});

const look = (api: AccountApi, { signer }: Developer) =>
  call(api, { url: "/developer_deposit", signer, purpose: "me" });
const giveBack = (api: AccountApi, { signer }: Developer, address: string = ADDRESS_B) =>
  call(api, { url: "/return_developer_deposit", body: { address }, signer });

async function depositAddress(api: AccountApi, user: Developer): Promise<string> {
  return (await look(api, user)).json<{ developer_payment_address: string }>().developer_payment_address;
}

async function permissionsOf(api: AccountApi, { userId }: Developer): Promise<number> {
  const { permissions_bitmask: bits } = await api.db
    .selectFrom("users")
    .select("permissions_bitmask")
    .where("user_id", "=", userId)
    .executeTakeFirstOrThrow();
  return bits;
}

test("01 §11: what is asked for can be seen by anybody", async ({ api }) => {
  expect((await call(api, { url: "/developer_deposit" })).json()).toEqual({
    usd: 250,
    tao_estimate: 0.625,
    message: expect.stringContaining("250 USD"),
  });
});

test("01 §11: without deposits the endpoints are not there", async ({ db, log }) => {
  const api = await startAccountApi({ db, log });
  try {
    expect((await call(api, { url: "/developer_deposit" })).statusCode).toBe(404);
    expect((await call(api, { url: "/return_developer_deposit", body: {} })).statusCode).toBe(404);
  } finally {
    await api.close();
  }
});

test("01 §11: the role comes once the wallet holds enough, and only once", async ({ api, net, alice }) => {
  const address = await depositAddress(api, alice);
  await net.chain.fund(address, DEPOSIT_RAO - 1n);
  expect((await look(api, alice)).json()).toMatchObject({ is_developer: false, developer_payment_address: address });
  expect(await permissionsOf(api, alice)).toBe(0);
  await net.chain.fund(address, 1n);
  expect((await look(api, alice)).json()).toMatchObject({ is_developer: true });
  expect((await look(api, alice)).json()).toMatchObject({ is_developer: true });
  expect(await permissionsOf(api, alice)).toBe(PERMISSION.developer);
  const steps = await api.db.selectFrom("account_audit").select("action").where("action", "like", "deposit%").execute();
  expect(steps).toEqual([{ action: "deposit_accepted" }]);
});

test("01 §11: a deposit counts at the next deploy, without anybody looking at it before", async ({
  api,
  net,
  alice,
}) => {
  await givenImage(api, alice);
  const address = await depositAddress(api, alice);
  expect((await deploy(api, alice)).statusCode).toBe(401);
  await net.chain.fund(address, DEPOSIT_RAO);
  // The role is there now; what is missing is a balance.
  expect((await deploy(api, alice)).statusCode).toBe(402);
  expect(await permissionsOf(api, alice)).toBe(PERMISSION.developer);
});

test("01 §11: two looks at the same moment give the role once", async ({ api, net, alice }) => {
  await net.chain.fund(await depositAddress(api, alice), DEPOSIT_RAO);
  await Promise.all(Array.from({ length: 8 }, () => look(api, alice)));
  const steps = await api.db.selectFrom("account_audit").select("action").where("action", "like", "deposit%").execute();
  expect(steps).toEqual([{ action: "deposit_accepted" }]);
});

test("an account from before deposits gets its wallet when it looks", async ({ api, alice }) => {
  await api.db.updateTable("users").set({ developer_payment_address: null, developer_wallet_secret: null }).execute();
  api.directory.drop({ kind: "account", id: alice.userId });
  const [one, other] = await Promise.all([depositAddress(api, alice), depositAddress(api, alice)]);
  expect(one).toBe(other);
  const row = await api.db.selectFrom("users").select("developer_wallet_secret as secret").executeTakeFirstOrThrow();
  const keys = { walletKeyHex: api.config.accounts.walletKey, pgKey: api.config.accounts.pgEncryptionKey };
  expect(keypairFromMnemonic(await decryptWalletText(row.secret ?? "", keys)).address).toBe(one);
});

test("01 §11: a deposit goes back whole after its week, and the role with it", async ({ api, net, alice }) => {
  const address = await depositAddress(api, alice);
  await net.chain.fund(address, DEPOSIT_RAO);
  await look(api, alice);
  expect((await giveBack(api, alice)).statusCode).toBe(400);
  api.clock.now = new Date(api.clock.now.getTime() + 7 * DAY_MS + 1000);
  const answer = await giveBack(api, alice);
  expect(answer.json()).toEqual({ status: "transferred", message: expect.stringContaining(ADDRESS_B) });
  expect(await net.client.freeBalance(address)).toBe(0n);
  expect(await net.client.freeBalance(ADDRESS_B)).toBe(DEPOSIT_RAO - 50_000n);
  expect(await permissionsOf(api, alice)).toBe(0);
  expect((await look(api, alice)).json()).toMatchObject({ is_developer: false });
  api.clock.now = new Date(api.clock.now.getTime() + 61_000);
  expect((await giveBack(api, alice)).statusCode).toBe(400);
});

test("01 §11: nothing moves for a bad address, a key, a stranger or an empty wallet", async ({ api, net, alice }) => {
  const address = await depositAddress(api, alice);
  expect((await giveBack(api, alice)).statusCode).toBe(400);
  await net.chain.fund(address, 1_000_000n);
  for (const bad of ["", "5Grw", `${ADDRESS_B.slice(0, -1)}z`, address, "0x00"]) {
    expect([bad, (await giveBack(api, alice, bad)).statusCode]).toEqual([bad, 400]);
  }
  const body = { address: ADDRESS_B };
  const byKey = { url: "/return_developer_deposit", body, apiKey: await givenKey(api, alice.userId) };
  expect((await call(api, byKey)).statusCode).toBe(403);
  expect((await call(api, { url: "/return_developer_deposit", body })).statusCode).toBe(401);
  expect(await net.client.freeBalance(address)).toBe(1_000_000n);
  expect(await depositState(api.db, alice.userId)).toMatchObject({ step: undefined });
});

test("a chain that says no leaves the deposit, and the role comes back with the next look", async ({
  api,
  net,
  alice,
  chain,
}) => {
  await net.chain.fund(await depositAddress(api, alice), DEPOSIT_RAO);
  await api.db.updateTable("users").set({ permissions_bitmask: PERMISSION.developer }).execute();
  chain.client = { ...net.client, transferAll: () => net.client.transferAll({ from: alice.signer, to: ADDRESS_B }) };
  expect((await giveBack(api, alice)).statusCode).toBe(409);
  expect(await permissionsOf(api, alice)).toBe(0);
  expect(await depositState(api.db, alice.userId)).toMatchObject({ step: "deposit_return_refused" });
  expect((await look(api, alice)).json()).toMatchObject({ is_developer: true });
});

test("while nobody knows whether the money left it buys nothing", async ({ api, net, alice, chain }) => {
  await net.chain.fund(await depositAddress(api, alice), DEPOSIT_RAO);
  chain.client = { ...net.client, transferAll: () => Promise.reject(chainUnavailable("ws://x", "gone")) };
  expect((await giveBack(api, alice)).statusCode).toBe(503);
  chain.client = net.client;
  expect((await look(api, alice)).json()).toMatchObject({ is_developer: false });
  api.clock.now = new Date(api.clock.now.getTime() + 61_000);
  expect((await giveBack(api, alice)).statusCode).toBe(409);
  api.clock.now = new Date(api.clock.now.getTime() + 600_000);
  expect((await look(api, alice)).json()).toMatchObject({ is_developer: true });
});

test("money that was seen before it was returned does not buy the role", async ({ api, net, alice }) => {
  await net.chain.fund(await depositAddress(api, alice), DEPOSIT_RAO);
  const seen = { state: await depositState(api.db, alice.userId), details: {} };
  expect((await giveBack(api, alice)).statusCode).toBe(200);
  const change = { userId: alice.userId, actor: "platform", clientAddress: null, now: api.clock.now };
  expect(await acceptDeposit(api.db, change, seen)).toBe(false);
  expect(await permissionsOf(api, alice)).toBe(0);
});
