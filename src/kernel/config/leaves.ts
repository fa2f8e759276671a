/** One setting of the schema: where it lives and how it may be given. */
export interface Leaf {
  /** Dotted path, e.g. `postgres.poolSize`. */
  readonly key: string;
  readonly env: string;
  readonly secret: boolean;
  readonly schema: Record<string, unknown>;
}

/** Every setting of an object schema by its dotted key, in declaration order. */
export function leaves(schema: object, prefix = ""): Map<string, Leaf> {
  const found = new Map<string, Leaf>();
  const properties = (schema as { properties: Record<string, Record<string, unknown>> }).properties;
  for (const [name, property] of Object.entries(properties)) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (property["type"] === "object") for (const [inner, leaf] of leaves(property, key)) found.set(inner, leaf);
    else found.set(key, { key, env: String(property["env"]), secret: property["secret"] === true, schema: property });
  }
  return found;
}
