import type { Fengari, State } from "./fengari.js";

/** Hides the stack juggling of the Lua C API. */
export class LuaMachine {
  readonly #fengari: Fengari;
  readonly #state: State;

  constructor(fengari: Fengari) {
    this.#fengari = fengari;
    this.#state = fengari.lauxlib.luaL_newstate();
    for (const name of ["base", "table", "string", "math"] as const) {
      const library = name === "base" ? "_G" : name;
      fengari.lauxlib.luaL_requiref(this.#state, this.#text(library), fengari.lualib[`luaopen_${name}`], 1);
    }
    fengari.lua.lua_settop(this.#state, 0);
  }

  compile(name: string, source: string): number {
    const { lauxlib, lua } = this.#fengari;
    const bytes = this.#text(source);
    if (lauxlib.luaL_loadbuffer(this.#state, bytes, null, this.#text(`=${name}`)) !== 0) throw this.#popError();
    return lauxlib.luaL_ref(this.#state, lua.LUA_REGISTRYINDEX);
  }

  run(compiled: number): unknown {
    const { lua } = this.#fengari;
    lua.lua_rawgeti(this.#state, lua.LUA_REGISTRYINDEX, compiled);
    if (lua.lua_pcall(this.#state, 0, 1, 0) !== 0) throw this.#popError();
    const result = this.#read(-1);
    lua.lua_settop(this.#state, 0);
    if (result instanceof Error) throw result;
    return result;
  }

  define(name: string, body: (args: unknown[]) => unknown): void {
    const { lua } = this.#fengari;
    lua.lua_pushjsfunction(this.#state, (state) => {
      const args = Array.from({ length: lua.lua_gettop(state) }, (_, index) => this.#readArgument(index + 1));
      try {
        this.#push(body(args));
      } catch (error) {
        this.#push(error instanceof Error ? error.message : String(error));
        return lua.lua_error(state);
      }
      return 1;
    });
    lua.lua_setglobal(this.#state, this.#text(name));
  }

  setGlobal(name: string, value: unknown): void {
    this.#push(value);
    this.#fengari.lua.lua_setglobal(this.#state, this.#text(name));
  }

  #text(text: string): Uint8Array {
    return this.#fengari.to_luastring(text);
  }

  #popError(): Error {
    const message = this.#fengari.lua.lua_tojsstring(this.#state, -1);
    this.#fengari.lua.lua_settop(this.#state, 0);
    return new Error(message);
  }

  /** A missing value is `false` in a script, at any depth. */
  #push(value: unknown): void {
    const { lua } = this.#fengari;
    if (typeof value === "number") lua.lua_pushnumber(this.#state, value);
    else if (typeof value === "string" || Buffer.isBuffer(value))
      lua.lua_pushstring(this.#state, this.#text(String(value)));
    else if (typeof value === "object" && value !== null)
      this.#pushList(Array.isArray(value) ? value : Object.entries(value).flat());
    else lua.lua_pushboolean(this.#state, value === true);
  }

  #pushList(items: readonly unknown[]): void {
    const { lua } = this.#fengari;
    lua.lua_createtable(this.#state, items.length, 0);
    items.forEach((item, index) => {
      this.#push(item);
      lua.lua_rawseti(this.#state, -2, index + 1);
    });
  }

  /** Numbers keep their fraction on the way to a command … */
  #readArgument(index: number): unknown {
    const { lua } = this.#fengari;
    const isNumber = lua.lua_type(this.#state, index) === lua.LUA_TNUMBER;
    return isNumber ? lua.lua_tonumber(this.#state, index) : this.#read(index);
  }

  /** … and lose it on the way to the caller. */
  #read(index: number): unknown {
    const { lua } = this.#fengari;
    switch (lua.lua_type(this.#state, index)) {
      case lua.LUA_TNUMBER:
        return Math.trunc(lua.lua_tonumber(this.#state, index));
      case lua.LUA_TSTRING:
        return lua.lua_tojsstring(this.#state, index);
      case lua.LUA_TBOOLEAN:
        return lua.lua_toboolean(this.#state, index) ? 1 : null;
      case lua.LUA_TTABLE:
        return this.#readTable(index);
      default:
        return null;
    }
  }

  #readTable(index: number): unknown {
    const error = this.#field(index, "err");
    if (typeof error === "string") return new Error(error);
    const status = this.#field(index, "ok");
    return typeof status === "string" ? status : [...this.#items(index)];
  }

  #field(index: number, name: string): unknown {
    const { lua } = this.#fengari;
    lua.lua_getfield(this.#state, index, this.#text(name));
    const value = this.#read(-1);
    lua.lua_pop(this.#state, 1);
    return value;
  }

  /** Up to the first hole, as Redis does. */
  *#items(index: number): Generator<unknown> {
    const { lua } = this.#fengari;
    for (let at = 1; ; at += 1) {
      lua.lua_rawgeti(this.#state, index, at);
      if (lua.lua_isnil(this.#state, -1)) break;
      yield this.#read(-1);
      lua.lua_pop(this.#state, 1);
    }
    lua.lua_pop(this.#state, 1);
  }
}
