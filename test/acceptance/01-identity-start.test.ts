import { connect } from "node:net";
import { expect } from "vitest";
import { AppError } from "../../src/kernel/errors.js";
import { start } from "../../src/services/api/index.js";
import { signedHeaders } from "../../src/wire/headers.js";
import { keypairFromSeed } from "../../src/wire/keypair.js";
import { SEED_A } from "../support/account-api.js";
import { type ApiServiceOptions, apiContext, startApiService } from "../support/api-service.js";
import { test as base } from "../support/fixtures.js";

const test = base.extend<{ options: ApiServiceOptions }>({
  options: async ({ databaseUrl, log }, use) => use({ databaseUrl, redisUrl: `memory:${Math.random()}`, log }),
});

test("01 §23.24: the address token is the published one, and a stranger's forwarding header changes nothing", async ({
  options,
}) => {
  const trusting = await startApiService(options);
  const listen = { host: "127.0.0.1", apiPort: 0, trustedProxies: "" };
  const wary = await startApiService({ ...options, overrides: { listen } });
  const salt = "00112233445566778899aabbccddeeff";
  const token = async (url: string, forwarded?: string) => {
    const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
    return (await fetch(`${url}/instances/token_check?salt=${salt}`, { headers })).json();
  };
  expect(await token(trusting.url, "203.0.113.7")).toEqual({ token: "f99aa319-0a97-525d-9ba8-a979ba261e3e" });
  expect(await token(trusting.url, "198.51.100.1, 203.0.113.7")).toEqual({
    token: "f99aa319-0a97-525d-9ba8-a979ba261e3e",
  });
  expect(await token(wary.url, "203.0.113.7")).toEqual(await token(wary.url));
  await Promise.all([trusting.close(), wary.close()]);
});

/** Sends the head of a request, and what more is given, over a socket; resolves with the answer once the server closed. */
function answerOf(url: string, head: string, more = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("close", () => resolve(text));
    socket.on("error", () => resolve(text));
    socket.setTimeout(5000, () => reject(new Error(`the connection stays open: ${text}`)));
    socket.write(`${head}\r\n\r\n${more}`);
  });
}

const head = (lines: readonly string[]) =>
  ["POST /users/register HTTP/1.1", "host: x", "content-type: application/json", ...lines].join("\r\n");

test("01 §20: a body over the limit is 413 before a byte of it is read, and the connection ends", async ({
  options,
}) => {
  const overrides = { gateway: { maxBodyBytes: 4096 } };
  const api = await startApiService({ ...options, overrides });
  const signed = Object.entries(signedHeaders(keypairFromSeed(SEED_A), { body: "" }, new Date()));
  const lines = signed.map(([name, value]) => `${name}: ${value}`);
  const declared = await answerOf(api.url, head([...lines, "content-length: 10000000000"]));
  expect(declared).toMatch(/^HTTP\/1\.1 413 /);
  expect(declared).toContain('{"detail":');
  const chunk = `1000\r\n${"x".repeat(4096)}\r\n`;
  const chunked = await answerOf(api.url, head([...lines, "transfer-encoding: chunked"]), chunk.repeat(3));
  expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  await api.close();
});

test("01 §21.8: who is refused by headers alone is answered before the body comes", async ({ options }) => {
  const api = await startApiService(options);
  const large = "content-length: 100000000";
  const unsigned = await answerOf(api.url, head([large]));
  expect(unsigned).toMatch(/^HTTP\/1\.1 401 /);
  const stale = Object.entries(signedHeaders(keypairFromSeed(SEED_A), { body: "" }, new Date(0)));
  const old = await answerOf(api.url, head([...stale.map(([name, value]) => `${name}: ${value}`), large]));
  expect(old).toContain("X-Chutes-Nonce");
  const badKey = head([large, "authorization: Basic nonsense"]).replace("/users/register", "/api_keys/");
  expect(await answerOf(api.url, badKey)).toContain("Invalid API key.");
  const gateway = head([large, "authorization: Basic nonsense"]).replace("host: x", "host: llm.localhost");
  expect(await answerOf(api.url, gateway)).toContain("Invalid API key.");
  await api.close();
});

const GOOD = "8d1e".repeat(16);

async function problemOf(options: ApiServiceOptions, overrides: Record<string, unknown>): Promise<AppError> {
  const context = await apiContext(options);
  const accounts = { ...context.config.accounts, ipCheckSalt: "other", ...(overrides["accounts"] as object) };
  const validator = { ...context.config.validator, ...(overrides["validator"] as object) };
  const environment = (overrides["environment"] ?? "dev") as "dev";
  const gpuVerification = { mode: "remote", allowInsecureKeys: false } as const;
  const config = { ...context.config, environment, accounts, validator, gpuVerification };
  const error: unknown = await start({ ...context, config }).catch((thrown: unknown) => thrown);
  if (!(error instanceof AppError)) throw new Error("the service started");
  return error;
}

test("01 §23.25: a missing, misshapen or published secret stops the service and is named", async ({ options }) => {
  const production = { environment: "production" };
  const cases = [
    [{ accounts: { walletKey: "" } }, "CFG003", "WALLET_KEY"],
    [{ accounts: { walletKey: GOOD.slice(1) } }, "CFG001", "WALLET_KEY"],
    [
      {
        ...production,
        accounts: { walletKey: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" },
      },
      "CFG005",
      "WALLET_KEY",
    ],
    [
      { ...production, accounts: { walletKey: "967FCF63799171672b6b66dfe30d8cd678c8bc6fb44806f0cdba3d873b3dd60b" } },
      "CFG005",
      "WALLET_KEY",
    ],
    [{ ...production, accounts: { pgEncryptionKey: "secret" } }, "CFG005", "pgEncryptionKey"],
    [{ ...production, accounts: { ipCheckSalt: "salt" } }, "CFG005", "ipCheckSalt"],
    [{ ...production, accounts: { launchConfigKey: "launch-secret" } }, "CFG005", "launchConfigKey"],
    [{ validator: { seed: "44".repeat(32) } }, "CFG004", "VALIDATOR_SEED"],
  ] as const;
  for (const [overrides, code, name] of cases) {
    const error = await problemOf(options, overrides);
    expect([error.code, error.message], name).toEqual([code, expect.stringContaining(name)]);
  }
});
