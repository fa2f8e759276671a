import { AppError } from "../errors.js";
import { leaves } from "./leaves.js";
import { type Config, ConfigSchema } from "./schema.js";

/** Values that upstream and its documentation publish; harmless in dev, refused elsewhere. */
const SAMPLE_SECRETS = new Set([
  "secret",
  "salt",
  "launch-secret",
  "replaceme",
  "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
  "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89",
]);

/**
 * Checks that settings a service cannot live without are set, all at once.
 * @param keys dotted keys, e.g. `postgres.url`
 * @throws AppError `config` CFG003 listing what is missing, CFG005 when a published sample secret is used outside dev
 */
export function requireSettings(config: Config, keys: readonly string[]): void {
  const known = leaves(ConfigSchema);
  const value = (key: string): unknown =>
    key.split(".").reduce<unknown>((tree, name) => (tree as Record<string, unknown> | undefined)?.[name], config);
  const missing = keys.filter((key) => value(key) === "" || value(key) === undefined);
  if (missing.length > 0) {
    const names = missing.map((key) => `${key} [env ${known.get(key)?.env ?? "?"}]`);
    throw new AppError("config", `missing settings: ${names.join(", ")}`, {
      code: "CFG003",
      fix: `set ${names.join(", ")}`,
    });
  }
  if (config.environment === "dev") return;
  const samples = keys.filter(
    (key) => known.get(key)?.secret === true && SAMPLE_SECRETS.has(String(value(key)).replace(/^0x/, "")),
  );
  if (samples.length > 0) {
    throw new AppError("config", `published sample secrets are refused outside dev: ${samples.join(", ")}`, {
      code: "CFG005",
      fix: "generate your own values",
    });
  }
}
