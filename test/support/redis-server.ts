import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { which } from "../../src/infra/process/exec.js";

export interface RedisServer {
  readonly url: string;
  /** Ends the server at once, as a crash would. Only on a server of our own. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The server named by TEST_REDIS_URL, else a throwaway one from the installed binary, else undefined.
 * @param options `own: true` never uses TEST_REDIS_URL: for tests that kill the server
 */
export async function startRedisServer(options: { own?: boolean } = {}): Promise<RedisServer | undefined> {
  const given = process.env["TEST_REDIS_URL"];
  if (given !== undefined && given !== "" && options.own !== true) return external(given);
  const binary = (await which("redis-server")) ?? (await which("valkey-server"));
  return binary === undefined ? undefined : startOwn(binary);
}

function external(url: string): RedisServer {
  const refuse = async () => {
    throw new Error("TEST_REDIS_URL names a server that tests must not stop");
  };
  return { url, kill: refuse, restart: refuse, close: async () => undefined };
}

async function startOwn(binary: string): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), "chutes-redis-"));
  const port = await freePort();
  let child = await launch(binary, port, dir);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const lastResort = () => child.kill("SIGKILL");
  process.once("exit", lastResort);
  return {
    url: `redis://127.0.0.1:${port}/0`,
    kill,
    restart: async () => {
      await kill();
      child = await launch(binary, port, dir);
    },
    close: async () => {
      process.off("exit", lastResort);
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function launch(binary: string, port: number, dir: string): Promise<ChildProcess> {
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir];
  const child = spawn(binary, args, { stdio: "ignore" });
  const deadline = Date.now() + 10_000;
  while (!(await answersPing(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${binary} did not start on port ${port}`);
    }
    await delay(20);
  }
  return child;
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.setTimeout(1000, () => socket.destroy());
    socket.on("connect", () => socket.write("PING\r\n"));
    socket.on("data", (answer) => {
      resolve(String(answer).startsWith("+PONG"));
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port to listen on");
  return address.port;
}
