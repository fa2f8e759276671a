import { randomBytes } from "node:crypto";
import { loadConfig } from "../../src/kernel/config/load.js";
import type { Context } from "../../src/kernel/context.js";
import { atDesk, type Desk } from "../../src/operator/users/desk.js";
import { test as base } from "./fixtures.js";

interface Fixtures {
  /** Keys of wallets that this test alone has. */
  keys: { walletKeyHex: string; pgKey: string };
  ctx: Context;
  /** Does work as a command would: everything is opened for it and closed after it. */
  at: <T>(work: (desk: Desk) => Promise<T>) => Promise<T>;
}

/** `test` with an operator's desk on the test's database. */
export const operatorTest = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  keys: async ({}, use) => {
    await use({ walletKeyHex: randomBytes(32).toString("hex"), pgKey: randomBytes(64).toString("hex") });
  },
  ctx: async ({ databaseUrl, log, keys }, use) => {
    const accounts = { walletKey: keys.walletKeyHex, pgEncryptionKey: keys.pgKey };
    const overrides = { environment: "dev", postgres: { url: databaseUrl }, redis: { url: "memory:" }, accounts };
    const config = loadConfig({ env: {}, overrides });
    await use({ config, log, now: () => new Date("2026-01-08T12:00:00Z"), signal: new AbortController().signal });
  },
  at: async ({ ctx }, use) => {
    await use((work) => atDesk(ctx, work));
  },
});
