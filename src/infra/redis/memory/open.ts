import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import type { Redis } from "ioredis";
import type { Logger } from "../../../kernel/logger.js";
import { createLua, type Lua } from "./lua.js";

type Emulator = (this: MemoryRedis, ...args: string[]) => unknown;

/** What ioredis-mock has beyond ioredis and this file leans on; its version is pinned and the contract suite guards it. */
interface MemoryRedis extends Redis {
  readonly channels: EventEmitter;
  readonly context: { readonly data: { has(key: string): boolean }; readonly modifiedKeyEvents: EventEmitter };
  readonly customCommands: Record<string, unknown>;
}

interface MemoryRedisModule {
  new (options: { host: string }): MemoryRedis;
  readonly Pipeline: new (redis: MemoryRedis) => object;
}

/** Stores that are set up. ioredis-mock keeps stores in a map of its own, for the life of the process; so does this. */
const preparedStores = new WeakSet<object>();

/**
 * A connection to an in-process store; connections of one name share data and channels. Loads ioredis-mock on first use,
 * synchronously, because opening a real connection is synchronous too.
 */
export function openMemoryRedis(name: string, log: Logger): Redis {
  const require = createRequire(import.meta.url);
  const Memory = require("ioredis-mock") as MemoryRedisModule;
  const redis = new Memory({ host: `memory-${name}` });
  if (!preparedStores.has(redis.context.data)) {
    preparedStores.add(redis.context.data);
    prepareStore(redis);
    log.info({ store: name }, "redis is an in-process store: nothing outlives this process or is seen outside it");
  }
  useOwnScripts(redis, Memory);
  return redis;
}

function prepareStore({ channels, context }: MemoryRedis): void {
  // Every connection and subscription is one listener; ten is normal here, not a leak.
  channels.setMaxListeners(0);
  context.modifiedKeyEvents.setMaxListeners(0);
  sweepExpired(context);
}

/** ioredis-mock forgets an expired key only when it is read again. Each write looks at the two keys unseen for longest. */
function sweepExpired({ data, modifiedKeyEvents }: MemoryRedis["context"]): void {
  const keys = new Set<string>();
  let sweeping = false;
  modifiedKeyEvents.on("modified", (changed: string) => {
    keys.delete(changed);
    if (sweeping) return;
    sweeping = true;
    keys.add(changed);
    for (let looks = 0; looks < 2; looks += 1) {
      const [oldest] = keys;
      if (oldest === undefined) break;
      keys.delete(oldest);
      if (data.has(oldest)) keys.add(oldest);
    }
    sweeping = false;
  });
}

/** ioredis-mock builds a Lua machine for every call (2 ms) and hands scripts values that Redis never would. */
function useOwnScripts(redis: MemoryRedis, Memory: MemoryRedisModule): void {
  const emulators = emulatorsOf(redis, Memory);
  let lua: Lua | undefined;
  redis.defineCommand = (name, { lua: source, numberOfKeys = 0 }) => {
    lua ??= createLua((command, args) => callEmulator(redis, emulators[command.toLowerCase()], args));
    const script = lua.load(name, source);
    const run = async (...args: unknown[]) => {
      const texts = args.flat().map(String);
      return script(texts.slice(0, numberOfKeys), texts.slice(numberOfKeys));
    };
    Object.assign(redis, { [name]: run });
    redis.customCommands[name] = run;
  };
}

function callEmulator(redis: MemoryRedis, emulator: Emulator | undefined, args: string[]): unknown {
  if (emulator === undefined) throw new Error("ERR Unknown Redis command called from script");
  return emulator.apply(redis, args);
}

/** The synchronous command functions. ioredis-mock shows them only to a pipeline, which takes them in its constructor. */
function emulatorsOf(redis: MemoryRedis, Memory: MemoryRedisModule): Record<string, Emulator> {
  class Emulators extends Memory.Pipeline {
    _createCommand(_name: string, emulator: Emulator): Emulator {
      return emulator;
    }
  }
  return new Emulators(redis) as unknown as Record<string, Emulator>;
}
