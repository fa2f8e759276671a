import type { Redis } from "./client.js";
import { defineScript } from "./script.js";

export interface IndexedValue {
  readonly key: string;
  /** Sorted set that lists which values are open. */
  readonly index: string;
  readonly member: string;
}

/**
 * Takes a value together with its entry in an index: of two concurrent takers exactly one gets the value. An entry
 * whose value has expired is dropped as well.
 * @see protocol 03 §11.4
 */
export function takeIfPresent(redis: Redis): (what: IndexedValue) => Promise<string | undefined> {
  const script = defineScript(redis, "take-if-present", 2);
  return async ({ key, index, member }) => {
    const value = await script([key, index], [member]);
    return typeof value === "string" ? value : undefined;
  };
}
