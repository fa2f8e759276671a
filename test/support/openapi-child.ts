import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { ServerReady, ServerTask } from "./openapi-server.js";

/** The api service as a child process of a test. */
export class ServerProcess {
  #child: ChildProcess | undefined;
  #stderr = "";

  /** @returns its URL */
  async start(task: ServerTask): Promise<string> {
    const child = fork(join(import.meta.dirname, "openapi-server.ts"), {
      execArgv: ["--expose-gc", "--import", "tsx"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-20_000);
    });
    const ready = await this.#ask<ServerReady & { error?: string }>(task);
    if (ready.error !== undefined) throw new Error(`${ready.error}\n${this.#stderr}`);
    return `http://127.0.0.1:${ready.port}`;
  }

  /** What it uses after a garbage collection, bytes. */
  memory(): Promise<NodeJS.MemoryUsage> {
    return this.#ask<NodeJS.MemoryUsage>("memory");
  }

  /** The end of its log. */
  errors(): string {
    return this.#stderr;
  }

  async #ask<Answer>(what: ServerTask | "memory"): Promise<Answer> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) throw new Error(`the server has ended:\n${this.#stderr}`);
    const ended = once(child, "exit").then(() => {
      throw new Error(`the server ended:\n${this.#stderr}`);
    });
    ended.catch(() => undefined);
    child.send(what);
    const [answer] = (await Promise.race([once(child, "message"), ended])) as [Answer];
    return answer;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}
