// Start-up and size of `dev`, and the cost of the command line: `npm run bench -- startup`.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machine, median } from "./machine.js";

const root = join(import.meta.dirname, "..");
const bin = join(root, "bin/run.js");
const ROUNDS = 5;

execFileSync(process.execPath, [join(root, "scripts/build.js")], { stdio: "inherit" });
console.log(machine());
helpTime();
const dir = join(mkdtempSync(join(tmpdir(), "bench-")), "data");
await devTime("cold");
for (let round = 0; round < 3; round += 1) await devTime("warm");
rmSync(dir, { recursive: true, force: true });

/** `--help` beside a bare node, turn by turn. */
function helpTime(): void {
  const pairs = Array.from({ length: ROUNDS }, () => [timed([bin, "--help"]), timed(["-e", "0"])] as const);
  const [help, bare] = [median(pairs.map(([a]) => a)), median(pairs.map(([, b]) => b))];
  console.log(
    `--help ${help.toFixed(0)} ms, bare node ${bare.toFixed(0)} ms, over it ${median(pairs.map(([a, b]) => a - b)).toFixed(0)} ms`,
  );
}

function timed(args: readonly string[]): number {
  const started = performance.now();
  execFileSync(process.execPath, [...args], { stdio: "ignore" });
  return performance.now() - started;
}

async function devTime(kind: "cold" | "warm"): Promise<void> {
  const started = performance.now();
  const child = spawn(process.execPath, [bin, "dev", "--data-dir", dir, "--port", "0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await firstLine(child);
  const readyMs = performance.now() - started;
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const megabytes = residentMegabytes(child.pid ?? 0);
  const stopped = performance.now();
  child.kill("SIGINT");
  await new Promise((resolve) => child.once("close", resolve));
  console.log(
    `dev ${kind}: ready in ${(readyMs / 1000).toFixed(2)} s, ${megabytes} MB resident without Postgres, stopped in ${((performance.now() - stopped) / 1000).toFixed(2)} s`,
  );
}

function firstLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("close", (code) => reject(new Error(`dev ended with ${code}`)));
  });
}

/** Resident memory of the process tree, without the Postgres processes. */
function residentMegabytes(rootPid: number): number {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  const parents = new Map(pids.map((pid) => [pid, Number(statOf(pid)?.[1])]));
  const tree = pids.filter((pid) => isBelow(pid, rootPid, parents));
  const kilobytes = tree
    .filter((pid) => !commandOf(pid).includes("postgres"))
    .map((pid) => Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0));
  return Math.round(kilobytes.reduce((sum, value) => sum + value, 0) / 1024);
}

function isBelow(pid: number, rootPid: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
    if (at === rootPid) return true;
  return false;
}

function statOf(pid: number): string[] | undefined {
  return read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ");
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
