import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "./client.js";

/** Runs a script atomically. Its answer is what Redis makes of the Lua value: whole numbers, texts, null, lists. */
export type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/**
 * Makes `scripts/<name>.lua` callable on a connection: sent by its hash, in full only to a server that does not know it.
 * Asking again for the same connection costs nothing.
 *
 * Scripts must run on Redis 7 and on the in-process twin. The twin has no `cjson`, and prints whole floats joined with
 * `..` as `3.0`: use `tostring` there. Redis seeds `math.random` alike in every call: pass randomness and time as arguments.
 * @param numberOfKeys how many keys the script takes
 */
export function defineScript(redis: Redis, name: string, numberOfKeys: number): Script {
  const command = `script:${name}`;
  if (!(command in redis)) redis.defineCommand(command, { numberOfKeys, lua: scriptText(name) });
  const scripts = redis as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;
  return async (keys, args) => {
    if (keys.length !== numberOfKeys) throw new Error(`script ${name} takes ${numberOfKeys} keys, got ${keys.length}`);
    return scripts[command]?.(...keys, ...args);
  };
}

/** Source of a script. The compiler leaves Lua files behind, so the built program reads them from the shipped sources. */
function scriptText(name: string): string {
  const file = `${name}.lua`;
  const beside = join(import.meta.dirname, "scripts", file);
  const shipped = join(import.meta.dirname, "..", "..", "..", "src", "infra", "redis", "scripts", file);
  return readFileSync(existsSync(beside) ? beside : shipped, "utf8");
}
