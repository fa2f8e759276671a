import { readFileSync } from "node:fs";
import { Value } from "typebox/value";
import { parse as parseYaml } from "yaml";
import { AppError, messageOf } from "../errors.js";
import { type Leaf, leaves } from "./leaves.js";
import { type Config, ConfigSchema } from "./schema.js";

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of a YAML file whose shape is that of the schema. */
  readonly file?: string | undefined;
  /** Highest precedence: what flags and the program itself set. Same shape as the file. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** A problem of one key, with the value's own text never repeated when the key is secret. */
interface Problem {
  readonly key: string;
  readonly message: string;
}

/**
 * Merges overrides > environment > file > defaults and checks everything at once.
 * @throws AppError `config` CFG001 naming every bad or unknown key, CFG002 when the file cannot be read
 */
export function loadConfig(sources: ConfigSources): Config {
  const problems: Problem[] = [];
  const file = sources.file === undefined ? {} : readConfigFile(sources.file);
  const known = leaves(ConfigSchema);
  for (const [key] of flatten(file)) reportUnknown(known, key, problems);
  const values = new Map<string, unknown>([
    ...flatten(file),
    ...fromEnv(known, sources.env, problems),
    ...flatten(sources.overrides ?? {}),
  ]);
  const config: Record<string, unknown> = {};
  for (const leaf of known.values()) {
    const value = values.has(leaf.key) ? values.get(leaf.key) : leaf.schema["default"];
    const error = Value.Errors(leaf.schema, value)[0];
    if (error !== undefined) problems.push({ key: leaf.key, message: `${error.message}${allowed(leaf)}` });
    assign(config, leaf.key.split("."), value);
  }
  if (problems.length > 0) throw problemsError(problems, known);
  return deepFreeze(config) as Config;
}

/** All non-empty values of settings marked secret; what the log must mask. */
export function secretValues(config: Config): string[] {
  const values = new Map(flatten(config));
  return [...leaves(ConfigSchema).values()]
    .filter((leaf) => leaf.secret)
    .map((leaf) => values.get(leaf.key))
    .filter((value): value is string => typeof value === "string" && value !== "");
}

function readConfigFile(path: string): Record<string, unknown> {
  try {
    const parsed: unknown = parseYaml(readFileSync(path, "utf8")) ?? {};
    if (typeof parsed !== "object" || Array.isArray(parsed)) throw new Error("the top level must be a map");
    return parsed as Record<string, unknown>;
  } catch (cause) {
    throw new AppError("config", `cannot read the configuration file ${path}: ${messageOf(cause)}`, {
      code: "CFG002",
      fix: "give --config the path of a YAML file",
      cause,
    });
  }
}

function* flatten(tree: object, prefix = ""): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(tree)) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) yield* flatten(value, key);
    else yield [key, value];
  }
}

function reportUnknown(known: ReadonlyMap<string, Leaf>, key: string, problems: Problem[]): void {
  if (known.has(key)) return;
  const near = [...known.keys()].find((candidate) => candidate.split(".").at(-1) === key.split(".").at(-1));
  problems.push({ key, message: `unknown key${near === undefined ? "" : `; did you mean ${near}?`}` });
}

function* fromEnv(
  known: ReadonlyMap<string, Leaf>,
  env: ConfigSources["env"],
  problems: Problem[],
): Generator<[string, unknown]> {
  for (const leaf of known.values()) {
    const text = env[leaf.env];
    if (text === undefined || text === "") continue;
    const value = fromText(leaf.schema["type"], text);
    if (value === undefined)
      problems.push({ key: leaf.key, message: `${leaf.env} must be a ${String(leaf.schema["type"])}` });
    else yield [leaf.key, value];
  }
}

function fromText(type: unknown, text: string): unknown {
  if (type === "string") return text;
  if (type === "boolean") {
    if (/^(true|1|yes|on)$/i.test(text)) return true;
    return /^(false|0|no|off)$/i.test(text) ? false : undefined;
  }
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function allowed(leaf: Leaf): string {
  const values = leaf.schema["enum"];
  return Array.isArray(values) ? `: one of ${values.join(", ")}` : ` (${String(leaf.schema["description"])})`;
}

function problemsError(problems: readonly Problem[], known: ReadonlyMap<string, Leaf>): AppError {
  const lines = problems.map(({ key, message }) => `${key}: ${message}${envHint(known.get(key))}`);
  return new AppError("config", `the configuration has ${problems.length} problem(s):\n  ${lines.join("\n  ")}`, {
    code: "CFG001",
    fix: "correct the keys above in the file or the environment",
  });
}

const envHint = (leaf: Leaf | undefined) => (leaf === undefined ? "" : ` [env ${leaf.env}]`);

function assign(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  if (rest.length === 0) tree[head] = value;
  else {
    tree[head] ??= {};
    assign(tree[head] as Record<string, unknown>, rest, value);
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) if (typeof child === "object" && child !== null) deepFreeze(child);
  return Object.freeze(value);
}
