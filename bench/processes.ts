// Real Postgres, Redis and one api process for a bench, in a folder that goes with them.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { migrate } from "../src/infra/postgres/migrate.js";
import { CloseStack } from "../src/kernel/lifecycle.js";
import { createLogger } from "../src/kernel/logger.js";
import { freePort, startEmbeddedPostgres } from "../src/local/embedded-postgres.js";
import { initCrypto, keypairFromSeed } from "../src/wire/keypair.js";

const SEED = "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89";

export interface Databases {
  readonly postgresUrl: string;
  readonly postgresPid: number;
  readonly redisUrl: string;
  readonly redisPid: number;
}

const root = join(import.meta.dirname, "..");

/** What a bench started; closing ends it all, newest first. */
export class BenchProcesses {
  readonly dir = mkdtempSync(join(tmpdir(), "chutes-bench-"));
  readonly stack = new CloseStack();

  constructor() {
    this.stack.add(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  /** Ends a child with the others and waits for it. */
  endsWithUs(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): void {
    this.stack.add(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
    });
  }

  async startDatabases(): Promise<Databases> {
    const log = createLogger({ level: "error", secrets: [] });
    const { signal } = new AbortController();
    const postgres = this.stack.use(await startEmbeddedPostgres({ dir: join(this.dir, "postgres"), log, signal }));
    await postgres.createDatabase("bench");
    await migrate(postgres.url("bench"));
    const port = await freePort();
    const settings = ["--port", String(port), "--save", "", "--appendonly", "no", "--dir", this.dir];
    const redis = spawn("redis-server", settings, { stdio: "ignore" });
    this.endsWithUs(redis);
    return {
      postgresUrl: postgres.url("bench"),
      postgresPid: postgres.pid() ?? 0,
      redisUrl: `redis://127.0.0.1:${port}/0`,
      redisPid: redis.pid ?? 0,
    };
  }

  /** A built `serve api`, ready. */
  async startApi({ postgresUrl, redisUrl }: Databases): Promise<{ port: number; pid: number }> {
    execFileSync(process.execPath, [join(root, "scripts/build.js")], { stdio: "inherit" });
    await initCrypto();
    const port = await freePort();
    // E.g. BENCH_NODE_ARGS="--cpu-prof --cpu-prof-dir=…", to see where the time goes.
    const nodeArgs = (process.env["BENCH_NODE_ARGS"] ?? "").split(" ").filter(Boolean);
    const child = spawn(process.execPath, [...nodeArgs, join(root, "bin/run.js"), "serve", "api"], {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        PATH: process.env["PATH"] ?? "",
        CHUTES_ENV: "dev",
        LOG_LEVEL: "warn",
        BASE_DOMAIN: "bench.test",
        LISTEN_HOST: "127.0.0.1",
        API_PORT: String(port),
        POSTGRES_URL: postgresUrl,
        REDIS_URL: redisUrl,
        OBJECT_STORE_URL: `file://${join(this.dir, "objects")}`,
        SUBTENSOR_ADDRESS: "http://127.0.0.1:9",
        VALIDATOR_SEED: SEED,
        VALIDATOR_SS58: keypairFromSeed(SEED).address,
        WALLET_KEY: "00".repeat(32),
        PG_ENCRYPTION_KEY: "bench-passphrase",
        LAUNCH_CONFIG_KEY: "bench-launch",
        IP_CHECK_SALT: "bench-salt",
        TAO_USD: "400",
      },
    });
    this.endsWithUs(child);
    await answers(port, "/ping");
    return { port, pid: child.pid ?? 0 };
  }
}

/** Waits until a server on this machine answers 200. */
async function answers(port: number, path: string): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await isUp(`http://127.0.0.1:${port}${path}`)) return;
    await delay(100);
  }
  throw new Error(`nothing answers on port ${port}`);
}

async function isUp(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
