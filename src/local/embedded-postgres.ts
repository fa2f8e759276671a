import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, openSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { AppError, messageOf } from "../kernel/errors.js";
import { pause, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import { postgresBinaries } from "./postgres-binaries.js";
import { type Unprivileged, unprivileged } from "./unprivileged.js";

export interface EmbeddedPostgresOptions {
  /** Folder of this server alone; made when missing. */
  readonly dir: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Extra server settings, e.g. `fsync=off` for tests. */
  readonly settings?: readonly string[];
  /** Called when the server died more often than it may and stays down. */
  readonly onLost?: (error: AppError) => void;
}

export interface EmbeddedPostgres extends Running {
  /** Connection URL of a database on this server, e.g. `url("platform")`. */
  url(database: string): string;
  createDatabase(name: string): Promise<void>;
  readonly pid: () => number | undefined;
}

const USER = "chutes";
const READY_TIMEOUT_MS = 30_000;
/** Deaths inside this window count together; more than MAX_DEATHS of them and the server stays down. */
const DEATH_WINDOW_MS = 60_000;
const MAX_DEATHS = 5;

/**
 * Starts the Postgres that npm installed, initialising the folder on first use, and keeps it running: a server that dies is
 * started again on the same port and recovers from its write-ahead log.
 * @throws AppError `config` DEV004 when it cannot run here
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const server = new Supervisor(options, await postgresBinaries());
  await server.initialise();
  await server.start();
  return server;
}

class Supervisor implements EmbeddedPostgres {
  readonly #options: EmbeddedPostgresOptions;
  readonly #binaries: { postgres: string; initdb: string };
  readonly #as: Unprivileged = unprivileged();
  readonly #data: string;
  #password = "";
  #port = 0;
  #child: ChildProcess | undefined;
  #closing = false;
  #deaths: number[] = [];

  constructor(options: EmbeddedPostgresOptions, binaries: { postgres: string; initdb: string }) {
    this.#options = options;
    this.#binaries = binaries;
    this.#data = join(options.dir, "data");
  }

  readonly pid = () => this.#child?.pid;

  url(database: string): string {
    return `postgres://${USER}:${this.#password}@127.0.0.1:${this.#port}/${database}`;
  }

  async createDatabase(name: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url("postgres") });
    await client.connect();
    try {
      const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
      if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
  }

  /** initdb into a side folder, then one rename: a crash half way leaves nothing that looks initialised. */
  async initialise(): Promise<void> {
    const passwordFile = join(this.#options.dir, "password");
    if (existsSync(join(this.#data, "PG_VERSION")) && existsSync(passwordFile)) {
      this.#password = readFileSync(passwordFile, "utf8").trim();
      await stopLeftover(this.#data);
      return;
    }
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
    this.#password = randomBytes(24).toString("hex");
    await writeFile(passwordFile, `${this.#password}\n`, { mode: 0o600 });
    const fresh = join(this.#options.dir, "data.new");
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { mode: 0o700 });
    this.#give(fresh);
    await this.#run(this.#binaries.initdb, [
      "-D",
      fresh,
      "-U",
      USER,
      "-A",
      "scram-sha-256",
      "--pwfile",
      passwordFile,
      "-E",
      "UTF8",
      "--locale=C",
      "--no-sync",
    ]);
    await rename(fresh, this.#data);
  }

  async start(): Promise<void> {
    this.#port ||= await freePort();
    const logFile = join(this.#options.dir, "server.log");
    const out = openSync(logFile, "a", 0o600);
    const settings = [
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      `port=${this.#port}`,
      "max_connections=200",
      "shared_buffers=64MB",
      ...(this.#options.settings ?? []),
    ];
    const args = ["-D", this.#data, ...settings.flatMap((setting) => ["-c", setting])];
    const [command, ...rest] = [...this.#as.prefix, this.#binaries.postgres, ...args];
    // Its own session: Ctrl-C in the terminal reaches only us, so that the server stops last.
    const child = spawn(command ?? "", rest, { stdio: ["ignore", out, out], detached: true, ...this.#spawnAs() });
    this.#child = child;
    child.once("error", () => undefined);
    child.once("exit", () => void this.#died(child));
    await this.#waitUntilReady(child, logFile);
  }

  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGQUIT"), 15_000);
    await gone;
    clearTimeout(timer);
  }

  #give(path: string): void {
    if (this.#as.owner !== undefined) chownSync(path, this.#as.owner.uid, this.#as.owner.gid);
  }

  #spawnAs(): { uid?: number; gid?: number } {
    return this.#as.prefix.length === 0 && this.#as.owner !== undefined ? this.#as.owner : {};
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    const [command, ...rest] = [...this.#as.prefix, program, ...args];
    const child = spawn(command ?? "", rest, { stdio: ["ignore", "ignore", "pipe"], ...this.#spawnAs() });
    let text = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-4000);
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (code !== 0) throw cannotRun(text);
  }

  async #waitUntilReady(child: ChildProcess, logFile: string): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
      if (await canConnect(this.url("postgres"))) return;
      await pause(40, this.#options.signal);
    }
    const tail = (await readFile(logFile, "utf8").catch(() => "")).slice(-1500);
    throw cannotRun(tail);
  }

  async #died(child: ChildProcess): Promise<void> {
    if (this.#closing || child !== this.#child) return;
    const now = Date.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATH_WINDOW_MS), now];
    this.#options.log.warn({ deaths: this.#deaths.length }, "embedded postgres died, starting it again");
    if (this.#deaths.length > MAX_DEATHS) return this.#options.onLost?.(keepsDying());
    try {
      await stopLeftover(this.#data);
      await this.start();
      this.#options.log.info({ pid: this.pid() }, "embedded postgres is back");
    } catch (error) {
      this.#options.onLost?.(error instanceof AppError ? error : keepsDying());
    }
  }
}

function cannotRun(detail: string): AppError {
  return new AppError("config", `the embedded Postgres cannot run here: ${detail.trim()}`, {
    code: "DEV004",
    fix: "run as an ordinary user, or put --data-dir on a local disk that user can write",
  });
}

function keepsDying(): AppError {
  return new AppError("unavailable", "the embedded Postgres keeps dying; its data is intact", {
    code: "DEV005",
    fix: "look at server.log in the data directory",
  });
}

async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A killed parent can leave the server behind; its own pid file names it. */
async function stopLeftover(data: string): Promise<void> {
  const pidFile = join(data, "postmaster.pid");
  const pid = Number((await readFile(pidFile, "utf8").catch(() => "")).split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  if (!isPostgres(pid)) return rm(pidFile, { force: true });
  for (let tries = 0; tries < 100 && isPostgres(pid); tries += 1) {
    signalProcess(pid, tries < 50 ? "SIGINT" : "SIGQUIT");
    await pause(100);
  }
}

function isPostgres(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
  } catch (error) {
    // Not Linux, or gone: a signal tells.
    return !messageOf(error).includes("/proc") ? false : signalProcess(pid, 0) && !existsSync("/proc/self");
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** A port nobody uses now. The server is told it on its command line, so a race shows as a failed start, not as a wrong server. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new AppError("unavailable", "no free port");
  return address.port;
}
