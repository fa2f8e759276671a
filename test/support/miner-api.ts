import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createHttpServer } from "../../src/infra/http-server/server.js";
import type { Db } from "../../src/infra/postgres/client.js";
import { openRedis, type Redis } from "../../src/infra/redis/client.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import type { Config } from "../../src/kernel/config/schema.js";
import { CloseStack, type Running } from "../../src/kernel/lifecycle.js";
import type { Logger } from "../../src/kernel/logger.js";
import { authHook } from "../../src/services/api/auth-hook.js";
import { openDirectory } from "../../src/services/api/directory/directory.js";
import { instanceRoutes } from "../../src/services/api/routes/instance-routes.js";
import { launchRoutes } from "../../src/services/api/routes/launch-routes.js";
import { minerListRoutes } from "../../src/services/api/routes/miner-list-routes.js";
import { minerRoutes } from "../../src/services/api/routes/miner-routes.js";
import { nodeRoutes } from "../../src/services/api/routes/node-routes.js";
import { DEFAULT_GPU_TABLE } from "../../src/wire/gpu-table.js";
import { signedHeaders } from "../../src/wire/headers.js";
import { parseJson, stringifyJson } from "../../src/wire/json.js";
import type { Keypair } from "../../src/wire/keypair.js";
import { NETUID } from "./miner-builders.js";

/** An answer with its body read whole; `json` is undefined when it is not JSON. Long integers are bigint. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
  readonly headers: Headers;
}

/** The miners' part of the API on a port of its own. */
export interface MinerApi extends Running {
  readonly url: string;
  readonly redis: Redis;
  readonly config: Config;
  /** Moves the clock that the API decides by. */
  advance(seconds: number): void;
  now(): Date;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  /** Signs the request, over the purpose or the body. */
  readonly signer?: Keypair;
  readonly purpose?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface MinerApiOptions {
  readonly db: Db;
  readonly log: Logger;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly start?: Date;
  /** Default: any free one. */
  readonly port?: number;
}

const SETTINGS = {
  environment: "dev",
  baseDomain: "example.com",
  netuid: NETUID,
  accounts: { launchConfigKey: "launch-secret", ipCheckSalt: "salt" },
  instances: { allowPrivateHosts: true },
  gpuVerification: { mode: "skip", allowInsecureKeys: true },
};

/** Starts it over real HTTP, with the platform's own authentication in front and an in-process Redis behind. */
export async function startMinerApi({ db, log, settings, start, port = 0 }: MinerApiOptions): Promise<MinerApi> {
  const stack = new CloseStack();
  const config = loadConfig({ env: {}, overrides: { ...SETTINGS, ...settings } });
  let clockMs = (start ?? new Date("2026-01-07T12:00:00Z")).getTime();
  const now = () => new Date(clockMs);
  const redis = openRedis(`memory:${randomUUID()}`, log);
  stack.add(() => redis.disconnect());
  const { signal } = new AbortController();
  const directory = stack.use(await openDirectory({ db, redis, log, signal, now, netuid: config.netuid }));
  const app = createHttpServer({ log, maxBodyBytes: 1_000_000, trustedProxies: "127.0.0.1" });
  stack.add(() => app.close());
  const deps = { config, db, redis, now, log, gpuTable: DEFAULT_GPU_TABLE };
  await app.register(authHook, { ...deps, directory });
  for (const routes of [nodeRoutes, minerListRoutes, minerRoutes, launchRoutes, instanceRoutes]) {
    await app.register(routes, deps);
  }
  await app.listen({ host: "127.0.0.1", port });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return {
    url,
    redis,
    config,
    now,
    advance: (seconds) => {
      clockMs += seconds * 1000;
    },
    call: (method, path, options = {}) => call(`${url}${path}`, method, { ...options, now: now() }),
    close: () => stack.close(),
  };
}

async function call(url: string, method: string, options: CallOptions & { now: Date }): Promise<Answer> {
  const { signer, purpose, body, now } = options;
  const payload = body === undefined ? undefined : stringifyJson(body);
  const signed = purpose === undefined ? { body: payload ?? "" } : { purpose };
  const response = await fetch(url, {
    method,
    ...(payload !== undefined && { body: payload }),
    headers: {
      ...(payload !== undefined && { "content-type": "application/json" }),
      ...(signer && signedHeaders(signer, signed, now)),
      ...options.headers,
    },
  });
  const text = await response.text();
  return { status: response.status, text, json: jsonOrUndefined(text), headers: response.headers };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
