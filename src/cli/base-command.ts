import { Command, Flags, type Interfaces } from "@oclif/core";
import { loadConfig, secretValues } from "../kernel/config/load.js";
import type { Config } from "../kernel/config/schema.js";
import type { Context } from "../kernel/context.js";
import { AppError, exitCodeOf, messageOf } from "../kernel/errors.js";
import { createLogger } from "../kernel/logger.js";

/** Flags of every command that reads the configuration. */
export const configFlags = {
  config: Flags.string({ description: "configuration file (YAML)", env: "CHUTES_CONFIG", helpValue: "FILE" }),
};

const SAME_INTERRUPT_MS = 500;

/** The house's command: results on stdout, words on stderr, one JSON document under --json on success and on failure. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {};

  readonly #stop = new AbortController();
  #interruptedAt = Number.NEGATIVE_INFINITY;

  /** Aborted by the first Ctrl-C or SIGTERM; a second one ends the process at once. */
  protected get signal(): AbortSignal {
    return this.#stop.signal;
  }

  protected override async init(): Promise<void> {
    await super.init();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => this.#interrupt());
  }

  /** Words for people: stderr, so that stdout stays a clean result. */
  protected say(text: string): void {
    if (!this.jsonEnabled()) process.stderr.write(`${text}\n`);
  }

  /** The result for people, when not under --json. */
  protected print(text: string): void {
    if (!this.jsonEnabled()) process.stdout.write(`${text}\n`);
  }

  protected readConfig(file: string | undefined, overrides: Record<string, unknown> = {}): Config {
    return loadConfig({ env: process.env, file, overrides });
  }

  protected contextOf(config: Config): Context {
    const log = createLogger({ level: config.log.level, secrets: secretValues(config) });
    return { config, log, now: () => new Date(), signal: this.signal };
  }

  /** Ends the command with a result's own exit code (RESULT_EXIT_CODE) after its document is printed. */
  protected finishWith(code: number): void {
    process.exitCode = code;
  }

  /** True when prompts and progress that redraws itself make sense. */
  protected get interactive(): boolean {
    return process.stderr.isTTY === true && !this.jsonEnabled() && process.env["CI"] === undefined;
  }

  /** How step lists show themselves here. */
  protected progressStyle(): "live" | "plain" | "silent" {
    if (this.jsonEnabled()) return "silent";
    return this.interactive ? "live" : "plain";
  }

  /** How this program was called, for commands that people copy. */
  protected programName(): string {
    const script = process.argv[1] ?? "";
    return script.endsWith("run.js") ? `node ${script}` : this.config.bin;
  }

  /** PATH, for whoever looks for programs. */
  protected searchPath(): string {
    return process.env["PATH"] ?? "";
  }

  /** A variable whose name a flag gives: secrets are named on the command line, never written there. */
  protected environmentValue(name: string): string | undefined {
    return process.env[name];
  }

  protected override async catch(error: Interfaces.CommandError): Promise<void> {
    const code = usageExitCode(error) ?? exitCodeOf(error);
    if (this.jsonEnabled()) this.logJson(errorDocument(error));
    else process.stderr.write(`${errorText(error, process.env["CHUTES_DEBUG"] !== undefined)}\n`);
    process.exitCode = code;
  }

  /** A terminal and a wrapper such as npm may both send the one Ctrl-C; only a later one means "now". */
  #interrupt(): void {
    if (performance.now() - this.#interruptedAt < SAME_INTERRUPT_MS) return;
    if (this.signal.aborted) process.exit(130);
    this.#interruptedAt = performance.now();
    this.#stop.abort(new AppError("aborted", "interrupted"));
  }
}

/** oclif's own complaints about flags and arguments are usage errors. */
function usageExitCode(error: Interfaces.CommandError): number | undefined {
  const exit = (error as { oclif?: { exit?: number } }).oclif?.exit;
  return error instanceof AppError || exit === undefined ? undefined : 2;
}

function errorDocument(error: unknown): object {
  const known = error instanceof AppError ? error : undefined;
  return {
    error: {
      code: known?.code ?? known?.kind ?? "failed",
      message: messageOf(error),
      why: known?.cause === undefined ? null : messageOf(known.cause),
      fix: known?.fix ?? null,
      retryable: known?.kind === "unavailable" || known?.kind === "rate_limited",
    },
  };
}

function errorText(error: unknown, debug: boolean): string {
  const lines = [
    error instanceof AppError && error.code !== undefined ? `${error.code}: ${error.message}` : messageOf(error),
  ];
  if (error instanceof AppError && error.fix !== undefined) lines.push(`fix: ${error.fix}`);
  if (debug && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return lines.join("\n");
}
