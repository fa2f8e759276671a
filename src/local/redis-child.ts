import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { AppError } from "../kernel/errors.js";
import { pause, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import { freePort } from "./embedded-postgres.js";
import { dieWithParent } from "./unprivileged.js";

export interface LocalRedis extends Running {
  readonly url: string;
}

export interface LocalRedisOptions {
  readonly dir: string;
  readonly password: string;
  readonly log: Logger;
  readonly searchPath: string;
}

const READY_TIMEOUT_MS = 10_000;

/**
 * Starts the machine's redis-server or valkey-server as a child; without one, shared memory lives inside this process. Nothing
 * in Redis must survive, so it writes no file.
 */
export async function startLocalRedis(options: LocalRedisOptions): Promise<LocalRedis> {
  const program = findProgram(options.searchPath);
  if (program === undefined) return { url: "memory:", close: async () => undefined };
  const port = await freePort();
  const supervisor = new RedisChild(program, port, options);
  await supervisor.start();
  return { url: `redis://:${options.password}@127.0.0.1:${port}/0`, close: () => supervisor.close() };
}

function findProgram(searchPath: string): string | undefined {
  const folders = searchPath.split(delimiter).filter(Boolean);
  return ["redis-server", "valkey-server"]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

class RedisChild {
  readonly #program: string;
  readonly #port: number;
  readonly #options: LocalRedisOptions;
  #child: ChildProcess | undefined;
  #closing = false;

  constructor(program: string, port: number, options: LocalRedisOptions) {
    this.#program = program;
    this.#port = port;
    this.#options = options;
  }

  async start(): Promise<void> {
    const [command = "", ...rest] = [...dieWithParent(), this.#program, "-"];
    const child = spawn(command, rest, { stdio: ["pipe", "ignore", "ignore"], detached: true, cwd: this.#options.dir });
    this.#child = child;
    child.once("error", () => undefined);
    child.once("exit", () => void this.#died(child));
    // Settings go through standard input: the password must not stand in the process list.
    child.stdin?.end(
      `bind 127.0.0.1\nport ${this.#port}\nrequirepass ${this.#options.password}\nsave ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy noeviction\n`,
    );
    await this.#waitUntilReady();
  }

  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await gone;
    clearTimeout(timer);
  }

  async #waitUntilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (Date.now() < deadline) {
      if (await accepts(this.#port)) return;
      await pause(20);
    }
    throw new AppError("unavailable", `${this.#program} did not start`, {
      code: "DEV004",
      fix: "remove it from PATH to use the built-in memory instead",
    });
  }

  async #died(child: ChildProcess): Promise<void> {
    if (this.#closing || child !== this.#child) return;
    this.#options.log.warn("local redis died, starting it again");
    await pause(200);
    await this.start().catch((error: unknown) => this.#options.log.error({ err: error }, "local redis is down"));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
