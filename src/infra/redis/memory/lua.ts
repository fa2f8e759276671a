import { createHash } from "node:crypto";
import { loadFengari } from "./fengari.js";
import { LuaMachine } from "./lua-machine.js";

/** Runs a Redis command on behalf of a script; throws what the command would answer as an error. */
type Call = (command: string, args: string[]) => unknown;
/** A loaded script. */
type LuaScript = (keys: readonly string[], args: readonly string[]) => unknown;

/** A Lua machine that converts values between commands, scripts and callers as Redis does. */
export interface Lua {
  /** @throws Error when the source does not compile */
  load(name: string, source: string): LuaScript;
}

/**
 * Redis runs Lua 5.1, whose numbers are doubles; fengari is Lua 5.3 with 32-bit integers, where a time in milliseconds
 * would wrap. So numbers enter scripts as floats, and `tostring` prints whole ones without a fraction.
 */
const PRELUDE = `
local parse, print_any, kind = tonumber, tostring, math.type
unpack = table.unpack
tonumber = function(value, base)
  local number
  if base then number = parse(value, base) else number = parse(value) end
  return number and number + 0.0
end
tostring = function(value)
  if kind(value) then return string.format("%.14g", value) end
  return print_any(value)
end
redis = {
  call = call,
  sha1hex = sha1hex,
  pcall = function(...)
    local fine, answer = pcall(call, ...)
    if fine then return answer end
    return { err = answer }
  end,
  error_reply = function(text) return { err = text } end,
  status_reply = function(text) return { ok = text } end,
}
call, sha1hex = nil, nil
`;

/** Opens a machine whose `redis.call` goes to `call`. Scripts run to the end without a pause, so they are atomic. */
export function createLua(call: Call): Lua {
  const machine = new LuaMachine(loadFengari());
  machine.define("call", (args) => {
    const [command, ...rest] = args.map(argumentText);
    return call(command ?? "", rest);
  });
  machine.define("sha1hex", ([text]) => createHash("sha1").update(String(text)).digest("hex"));
  machine.run(machine.compile("prelude", PRELUDE));
  return {
    load(name, source) {
      const compiled = machine.compile(name, source);
      return (keys, args) => {
        machine.setGlobal("KEYS", keys);
        machine.setGlobal("ARGV", args);
        return machine.run(compiled);
      };
    },
  };
}

function argumentText(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new Error("ERR Lua redis lib command arguments must be strings or integers");
}
