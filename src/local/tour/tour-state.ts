import type { HttpClient } from "../../infra/http-client/client.js";
import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";
import type { Logger } from "../../kernel/logger.js";
import type { Keypair } from "../../wire/keypair.js";

/** What the tour learns on its way; each step reads what earlier ones found. */
export interface TourState {
  readonly config: Config;
  readonly http: HttpClient;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Folder for downloads and tampered copies. */
  readonly workDir: string;
  readonly hotkey: Keypair;
  readonly username: string;
  readonly chuteName: string;
  apiKey?: string;
  chute?: { readonly chuteId: string; readonly slug: string };
  /** Parent ids of the completions the tour made, in order. */
  readonly invocationIds: string[];
  exported?: TourExport;
  facts: Record<string, unknown>;
}

/** Local copies of the export that holds the tour's calls. */
export interface TourExport {
  readonly csv: string;
  readonly reports: string;
  readonly audit: string;
  /** Start of its hour. */
  readonly start: Date;
  /** When the newest export was closed: scores are as of that moment. */
  readonly closedAt: Date;
}

/** A step that did not hold: says what was expected and what came. */
export function expectThat(holds: boolean, message: string): asserts holds {
  if (!holds)
    throw new AppError("conflict", message, {
      code: "TOUR001",
      fix: "run with LOG_LEVEL=debug, or look at the platform's log",
    });
}

/** Reads a value that an earlier step must have left. */
export function found<T>(value: T | undefined, name: string): T {
  expectThat(value !== undefined, `the tour has no ${name}: an earlier step did not run`);
  return value;
}
