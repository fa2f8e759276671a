import { beforeAll, expect } from "vitest";
import { apiContext } from "../support/api-service.js";
import { build, runBinary } from "../support/binary.js";
import { test } from "../support/fixtures.js";

beforeAll(build, 120_000);

test("01 §23.25: with a bad secret `serve api` exits non-zero and names the variable", async ({ databaseUrl, log }) => {
  const { config } = await apiContext({ databaseUrl, redisUrl: "memory:", log });
  const env = {
    CHUTES_ENV: "dev",
    POSTGRES_URL: config.postgres.url,
    REDIS_URL: "memory:",
    OBJECT_STORE_URL: config.objectStore.url,
    SUBTENSOR_ADDRESS: config.chain.url,
    VALIDATOR_SEED: config.validator.seed,
    VALIDATOR_SS58: config.validator.ss58,
    WALLET_KEY: "0f".repeat(32),
    PG_ENCRYPTION_KEY: "passphrase",
    LAUNCH_CONFIG_KEY: "launch",
    IP_CHECK_SALT: "salt",
    GPU_VERIFICATION_MODE: "skip",
    API_PORT: "0",
  };
  for (const [name, value] of [
    ["WALLET_KEY", ""],
    ["WALLET_KEY", "f".repeat(63)],
    ["VALIDATOR_SEED", "44".repeat(32)],
  ] as const) {
    const { code, stderr } = await runBinary(["serve", "api"], { ...env, [name]: value });
    expect([code, stderr]).toEqual([2, expect.stringContaining(name)]);
  }
}, 60_000);
