import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: string;
  /** Values that must never appear, whatever field they hide in: the config's secrets. */
  readonly secrets: readonly string[];
  /** Where lines go; default is stderr (stdout is for results). */
  readonly stream?: DestinationStream;
}

/** Field names whose value is never logged, at any depth up to two. */
const REDACTED_FIELDS = [
  "seed",
  "secret",
  "password",
  "token",
  "authorization",
  "fingerprint",
  "mnemonic",
  "privateKey",
  "symmetricKey",
  "sessionKey",
];

/** Shortest secret worth masking inside text; shorter ones would mask ordinary words. */
const SHORTEST_SECRET = 6;

/** JSON lines on stderr; secret fields and every occurrence of a known secret value are replaced by `[redacted]`. */
export function createLogger(options: LoggerOptions): Logger {
  const secrets = options.secrets.filter((secret) => secret.length >= SHORTEST_SECRET);
  const paths = REDACTED_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  const out = options.stream ?? destination({ dest: 2, sync: true });
  return pino({ level: options.level, base: null, redact: { paths, censor: "[redacted]" } }, masking(out, secrets));
}

function masking(out: DestinationStream, secrets: readonly string[]): DestinationStream {
  if (secrets.length === 0) return out;
  return {
    write(line: string) {
      out.write(secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), line));
    },
  };
}
