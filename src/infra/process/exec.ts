import { AppError } from "../../kernel/errors.js";

export interface RunOptions {
  /** Ends the command: SIGTERM, then SIGKILL after 5 s. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Written to the command's standard input; without it that is empty. */
  readonly input?: string | Uint8Array;
  /** Added to this process's environment. Values are never printed. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** Most that is kept of each output. */
const OUTPUT_CAP_CHARACTERS = 10 * 1024 * 1024;
/** How much of the error output a message repeats. */
const TAIL_CHARACTERS = 2000;

/**
 * Runs a command to its end. Arguments are passed as they are, no shell sees them; they are never printed.
 * @throws AppError `config` when the command is not installed, `aborted` on the signal, `too_large` when an output exceeds
 *   10 Mi characters, `unavailable` when it takes too long or fails (the message ends with the last lines of its error output)
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { execa } = await import("execa");
  const result = await execa(command, [...args], {
    cancelSignal: options.signal,
    timeout: options.timeoutMs,
    forceKillAfterDelay: 5000,
    maxBuffer: OUTPUT_CAP_CHARACTERS,
    reject: false,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  if (result.failed) throw failure(command, result, options);
  return { stdout: result.stdout, stderr: result.stderr, tookMs: Math.round(result.durationMs) };
}

/** Absolute path of an installed program, or undefined. */
export async function which(name: string): Promise<string | undefined> {
  const { execa } = await import("execa");
  // The shell knows PATH; the name is data to it, never code.
  const found = await execa("sh", ["-c", 'command -v -- "$1"', "sh", name], { reject: false, timeout: 5000 });
  return found.stdout?.startsWith("/") === true ? found.stdout : undefined;
}

interface Failed {
  readonly stderr?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly timedOut: boolean;
  readonly isCanceled: boolean;
  readonly isMaxBuffer: boolean;
}

/** The cause is left out on purpose: execa's errors carry the arguments and the whole output. */
function failure(command: string, result: Failed, options: RunOptions): AppError {
  const { env = {}, timeoutMs } = options;
  if (result.code === "ENOENT" && options.cwd === undefined) {
    return new AppError("config", `${command} is not installed`, { fix: `install ${command} and put it on PATH` });
  }
  if (result.isCanceled) return new AppError("aborted", `${command} was stopped`);
  if (result.timedOut) return new AppError("unavailable", `${command} took longer than ${timeoutMs} ms`);
  if (result.isMaxBuffer)
    return new AppError("too_large", `${command} printed more than ${OUTPUT_CAP_CHARACTERS} characters`);
  return new AppError("unavailable", `${command} ${ending(result)}${tail(result.stderr ?? "", Object.values(env))}`);
}

function ending({ exitCode, signal, code }: Failed): string {
  if (exitCode !== undefined) return `exited with code ${exitCode}`;
  return signal === undefined ? `could not be started (${code ?? "unknown reason"})` : `was ended by ${signal}`;
}

/** Commands like to echo what they were given: values of the environment are cut out. */
function tail(stderr: string, values: readonly string[]): string {
  const shown = values
    .filter((value) => value.length >= 6)
    .reduce((text, value) => text.replaceAll(value, "[redacted]"), stderr)
    .trim()
    .slice(-TAIL_CHARACTERS);
  return shown === "" ? "" : `: ${shown}`;
}
