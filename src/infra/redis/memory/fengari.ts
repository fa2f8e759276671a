import { createRequire } from "node:module";

/** Opaque handle of a Lua machine. */
export type State = object;
type LuaFunction = (state: State) => number;

/** The part of the Lua C API, as fengari spells it, that this file uses. */
export interface Fengari {
  readonly to_luastring: (text: string) => Uint8Array;
  readonly lauxlib: {
    luaL_newstate(): State;
    luaL_loadbuffer(state: State, source: Uint8Array, size: null, name: Uint8Array): number;
    luaL_requiref(state: State, name: Uint8Array, open: LuaFunction, global: number): void;
    luaL_ref(state: State, table: number): number;
  };
  readonly lualib: Record<"luaopen_base" | "luaopen_table" | "luaopen_string" | "luaopen_math", LuaFunction>;
  readonly lua: {
    readonly LUA_REGISTRYINDEX: number;
    readonly LUA_TBOOLEAN: number;
    readonly LUA_TNUMBER: number;
    readonly LUA_TSTRING: number;
    readonly LUA_TTABLE: number;
    lua_createtable(state: State, size: number, fields: number): void;
    lua_error(state: State): never;
    lua_getfield(state: State, index: number, name: Uint8Array): number;
    lua_gettop(state: State): number;
    lua_isnil(state: State, index: number): boolean;
    lua_pcall(state: State, args: number, results: number, handler: number): number;
    lua_pop(state: State, count: number): void;
    lua_pushboolean(state: State, value: boolean): void;
    lua_pushjsfunction(state: State, value: LuaFunction): void;
    lua_pushnumber(state: State, value: number): void;
    lua_pushstring(state: State, value: Uint8Array): void;
    lua_rawgeti(state: State, index: number, at: number): number;
    lua_rawseti(state: State, index: number, at: number): void;
    lua_setglobal(state: State, name: Uint8Array): void;
    lua_settop(state: State, index: number): void;
    lua_toboolean(state: State, index: number): boolean;
    lua_tojsstring(state: State, index: number): string;
    lua_tonumber(state: State, index: number): number;
    lua_type(state: State, index: number): number;
  };
}

/** Loads the copy that ioredis-mock brings along; it ships no types. */
export function loadFengari(): Fengari {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve("ioredis-mock"))("fengari") as Fengari;
}
