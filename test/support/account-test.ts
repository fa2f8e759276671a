import { expect } from "vitest";
import { insertAccount } from "../../src/domain/accounts/account-repository.js";
import { keypairFromSeed } from "../../src/wire/keypair.js";
import vectors from "../vectors/01-identity.json" with { type: "json" };
import { type AccountApi, type AccountApiOptions, type call, NOW, SEED_A, startAccountApi } from "./account-api.js";
import { test as base } from "./fixtures.js";

interface AccountFixtures {
  readonly start: (options?: Partial<AccountApiOptions>) => Promise<AccountApi>;
  readonly api: AccountApi;
}

/** `test` with api replicas of the account routes: `api` as it is by default, `start` with options. */
export const test = base.extend<AccountFixtures>({
  start: async ({ db, log }, use) => {
    const started: AccountApi[] = [];
    await use(async (options = {}) => {
      const api = await startAccountApi({ db, log, ...options });
      started.push(api);
      return api;
    });
    for (const api of started) await api.close();
  },
  api: async ({ start }, use) => use(await start()),
});

export type Answer = Awaited<ReturnType<typeof call>>;

/** A refusal whose body is the JSON that clients parse. */
export function expectRefused(answer: Answer, status: number, detail = ""): void {
  expect([answer.statusCode, answer.body]).toEqual([status, expect.any(String)]);
  expect(answer.headers["content-type"]).toContain("application/json");
  expect(answer.json()).toEqual({ detail: expect.stringContaining(detail) });
}

/** The account of the protocol's vectors, with its public key pair and fingerprint. @see protocol 01 §22.2 */
export async function givenVectorAccount(api: AccountApi): Promise<void> {
  const address = keypairFromSeed(SEED_A).address;
  await insertAccount(api.db, {
    userId: vectors.ids.userId,
    fingerprintHash: vectors.ids.fingerprintHash,
    username: "alice_01",
    hotkey: address,
    coldkey: address,
    paymentAddress: address,
    walletSecret: "",
    permissions: 0,
    logoId: null,
    createdAt: NOW,
  });
  api.directory.drop({ kind: "account", id: vectors.ids.userId });
}
