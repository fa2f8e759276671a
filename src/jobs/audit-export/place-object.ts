import { createHash } from "node:crypto";
import type { ObjectStore } from "../../infra/object-store/store.js";
import { AppError } from "../../kernel/errors.js";

export interface Placement {
  readonly from: string;
  readonly to: string;
  /** Hash of the bytes at `from`. */
  readonly sha256: string;
  /** Hashes of objects at `to` that may give way. */
  readonly replaceable: ReadonlySet<string>;
}

/**
 * Gives a staged object its final name and reads it back. Repeating it is free: what is already there is left alone.
 * @throws AppError `conflict` EXP001 when other bytes are there, `unavailable` when the store did not keep ours
 */
export async function placeObject(store: ObjectStore, { from, to, sha256, replaceable }: Placement): Promise<void> {
  const present = await hashOf(store, to);
  if (present === sha256) return;
  if (present !== undefined && !replaceable.has(present)) {
    throw new AppError("conflict", `the object store holds other bytes at ${to} (${present})`, {
      code: "EXP001",
      fix: `find out who wrote ${to}; move it away to publish this export`,
    });
  }
  await store.copy(from, to);
  if ((await hashOf(store, to)) !== sha256) throw new AppError("unavailable", `${to} was not stored whole`);
}

async function hashOf(store: ObjectStore, key: string): Promise<string | undefined> {
  const found = await store.get(key);
  if (found === undefined) return undefined;
  const hash = createHash("sha256");
  for await (const chunk of found.body) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
