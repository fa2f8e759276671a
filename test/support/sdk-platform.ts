import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { type Db, openPostgres } from "../../src/infra/postgres/client.js";
import { migrate } from "../../src/infra/postgres/migrate.js";
import { CloseStack } from "../../src/kernel/lifecycle.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import { type PlatformProcesses, startPlatformProcesses } from "./platform-processes.js";

/** A platform of separate processes for a whole file of tests, with a hotkey that may be linked. */
export interface SdkPlatform extends PlatformProcesses {
  readonly db: Db;
  readonly place: { readonly host: string; readonly port: number };
  readonly validatorSeed: string;
}

/** Chain, api, sockets, worker and one miner, with a database of their own; undefined when the machine has no Redis. */
export async function startSdkPlatform(): Promise<SdkPlatform | undefined> {
  await initCrypto();
  const stack = new CloseStack();
  const databaseUrl = await newDatabase(stack);
  const validatorSeed = randomBytes(32).toString("hex");
  const accounts = { allAccountsFree: false, validatorHotkeys: keypairFromSeed(validatorSeed).address };
  const platform = await startPlatformProcesses({ databaseUrl, miners: 1, accounts });
  if (platform === undefined) {
    await stack.close();
    return undefined;
  }
  const db = openPostgres({ url: databaseUrl, poolSize: 2, statementTimeoutMs: 10_000 });
  stack.add(() => db.destroy());
  return {
    ...platform,
    db,
    place: { host: "127.0.0.1", port: platform.config.listen.apiPort },
    validatorSeed,
    async close() {
      const codes = await platform.close();
      await stack.close();
      return codes;
    },
  };
}

async function newDatabase(stack: CloseStack): Promise<string> {
  const admin = inject("postgresUrl");
  const name = `sdk_${randomBytes(8).toString("hex")}`;
  await statement(admin, `create database ${name}`);
  stack.add(() => statement(admin, `drop database if exists ${name} with (force)`));
  const url = new URL(admin);
  url.pathname = `/${name}`;
  await migrate(url.href);
  return url.href;
}

async function statement(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}
