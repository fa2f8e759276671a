import { Flags } from "@oclif/core";

/** Flags of everything that starts the single-machine platform. */
export const devFlags = {
  "data-dir": Flags.string({
    description: "where the platform keeps its data",
    default: ".chutes",
    env: "CHUTES_DATA_DIR",
    helpValue: "DIR",
  }),
  host: Flags.string({ description: "address to listen on", default: "127.0.0.1", env: "CHUTES_DEV_HOST" }),
  port: Flags.integer({
    description: "the one port of every public host; 0 takes a free one",
    default: 8000,
    min: 0,
    max: 65_535,
    env: "CHUTES_DEV_PORT",
  }),
  miners: Flags.integer({
    description: "how many open miners to run",
    default: 1,
    min: 1,
    max: 16,
    env: "CHUTES_DEV_MINERS",
  }),
  "engine-url": Flags.string({
    description: "OpenAI-compatible server behind the demo chute instead of the built-in engine",
    env: "CHUTES_ENGINE_URL",
    helpValue: "URL",
  }),
  "tokens-per-second": Flags.integer({
    description: "speed of the built-in engine; default as fast as possible",
    min: 1,
    env: "CHUTES_TOKENS_PER_SECOND",
  }),
  "log-level": Flags.string({
    description: "lowest level that is logged",
    default: "warn",
    options: ["trace", "debug", "info", "warn", "error", "silent"],
    env: "LOG_LEVEL",
  }),
};

export interface DevFlagValues {
  readonly host: string;
  readonly port: number;
  readonly miners: number;
  readonly "engine-url"?: string | undefined;
  readonly "tokens-per-second"?: number | undefined;
  readonly "log-level": string;
}

/** The flags in the platform's own words, together with what only the process knows. */
export function platformOptions<Rest extends object>(flags: DevFlagValues, rest: Rest) {
  return {
    host: flags.host,
    port: flags.port,
    miners: flags.miners,
    engineUrl: flags["engine-url"],
    tokensPerSecond: flags["tokens-per-second"],
    logLevel: flags["log-level"],
    now: () => new Date(),
    ...rest,
  };
}
