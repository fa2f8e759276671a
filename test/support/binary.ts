import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const bin = join(root, "bin/run.js");

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Builds when the sources are newer than the build; the tests run the binary as users do. */
export function build(): void {
  execFileSync(process.execPath, [join(root, "scripts/build.js")], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Runs the binary to its end, off a terminal. */
export async function runBinary(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = start(args, env);
  return new Promise((resolve) => {
    const out = { stdout: "", stderr: "" };
    child.stdout?.on("data", (chunk: Buffer) => {
      out.stdout += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      out.stderr += chunk.toString();
    });
    child.once("close", (code) => resolve({ code, ...out }));
  });
}

export interface RunningBinary {
  readonly child: ChildProcess;
  /** First line on stdout: the readiness document under --json. */
  readonly ready: Promise<Record<string, unknown>>;
  readonly output: () => string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts the binary and leaves it running. */
export function startBinary(args: readonly string[], env: Record<string, string> = {}): RunningBinary {
  const child = start(args, env);
  let stdout = "";
  let stderr = "";
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      const line = stdout.split("\n")[0] ?? "";
      if (stdout.includes("\n")) resolve(JSON.parse(line) as Record<string, unknown>);
    });
    child.once("close", (code) => reject(new Error(`ended with ${code} before it was ready: ${stderr.slice(-2000)}`)));
  });
  ready.catch(() => undefined);
  return {
    child,
    ready,
    output: () => stdout + stderr,
    async stop(signal = "SIGINT") {
      child.kill(signal);
      return closed;
    },
  };
}

function start(args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, CI: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
