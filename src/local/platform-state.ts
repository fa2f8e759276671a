import type { Config } from "../kernel/config/schema.js";
import type { Context } from "../kernel/context.js";
import type { AppError } from "../kernel/errors.js";
import { CloseStack } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import type { OpenMiner } from "../miner/open-miner.js";
import type { RunningService } from "../services/running-service.js";
import type { Credentials } from "./credentials.js";
import type { DataDir } from "./data-dir.js";
import type { EmbeddedPostgres } from "./embedded-postgres.js";
import type { LocalRedis } from "./redis-child.js";

export interface PlatformOptions {
  /** Undefined: a temporary folder that disappears at the end. */
  readonly dataDir: string | undefined;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly miners: number;
  /** An OpenAI-compatible server behind the demo chute instead of the built-in engine. */
  readonly engineUrl: string | undefined;
  readonly tokensPerSecond: number | undefined;
  readonly log: Logger;
  readonly logLevel: string;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** PATH, to find redis-server. */
  readonly searchPath: string;
  /** Something the platform cannot live without is gone for good. */
  readonly onLost: (error: AppError) => void;
}

/** What starting has opened so far. */
export interface PlatformState {
  readonly options: PlatformOptions;
  readonly stack: CloseStack;
  dir?: DataDir;
  credentials?: Credentials;
  postgres?: EmbeddedPostgres;
  redis?: LocalRedis;
  chainUrl?: string;
  ctx?: Context;
  services?: ReadonlyMap<string, RunningService>;
  port?: number;
  miners?: readonly OpenMiner[];
  config?: Config;
}

export function newPlatformState(options: PlatformOptions): PlatformState {
  return { options, stack: new CloseStack() };
}

/** A part that an earlier step must have made. */
export function made<T>(part: T | undefined, name: string): T {
  if (part === undefined) throw new Error(`the step that makes ${name} did not run`);
  return part;
}
