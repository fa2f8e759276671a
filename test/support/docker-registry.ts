import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { which } from "../../src/infra/process/exec.js";

export interface DockerRegistry {
  readonly url: string;
  close(): Promise<void>;
}

/** Account of a registry that asks for one. */
export const REGISTRY_ACCOUNT = { username: "chutes", password: "registry-password" } as const;
const HTPASSWD = `${REGISTRY_ACCOUNT.username}:$2y$04$48Xtd/QllrW9r8B3.JJawuQ9ZYv8GgtgyLcmQmFltGVJMab5tOWvW\n`;

/** A throwaway registry, the program that platforms use, or undefined where it is not installed. */
export async function startDockerRegistry(options: { auth?: boolean } = {}): Promise<DockerRegistry | undefined> {
  const binary = (await which("docker-registry")) ?? (await which("registry"));
  if (binary === undefined) return undefined;
  const dir = mkdtempSync(join(tmpdir(), "chutes-registry-"));
  const passwords = join(dir, "htpasswd");
  writeFileSync(passwords, HTPASSWD);
  const auth = options.auth === true ? { auth: { htpasswd: { realm: "test", path: passwords } } } : {};
  const settings = { version: 0.1, storage: { inmemory: {} }, http: { addr: "127.0.0.1:0", secret: "x" }, ...auth };
  writeFileSync(join(dir, "config.yml"), JSON.stringify(settings));
  const child = spawn(binary, ["serve", join(dir, "config.yml")], { stdio: ["ignore", "ignore", "pipe"] });
  const lastResort = () => child.kill("SIGKILL");
  process.once("exit", lastResort);
  const close = async () => {
    process.off("exit", lastResort);
    const gone = child.exitCode === null ? once(child, "exit") : undefined;
    child.kill("SIGKILL");
    await gone;
    rmSync(dir, { recursive: true, force: true });
  };
  const port = await portOf(child);
  if (port !== undefined) return { url: `http://127.0.0.1:${port}`, close };
  await close();
  throw new Error("the registry did not start");
}

/** Its output is read to the end: it dies when nobody does. Undefined when it ended without listening. */
function portOf(child: ChildProcessByStdio<null, null, Readable>): Promise<string | undefined> {
  return new Promise((resolve) => {
    let printed = "";
    child.stderr.on("data", (chunk: Buffer) => {
      printed = `${printed}${chunk}`.slice(-10_000);
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(printed)?.[1];
      if (port !== undefined) resolve(port);
    });
    child.once("exit", () => resolve(undefined));
  });
}
