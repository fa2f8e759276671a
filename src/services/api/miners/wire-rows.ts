import type { minerImages, minerInstances } from "../../../domain/instances/miner-feed-repository.js";
import type { NodeRow } from "../../../domain/nodes/node-repository.js";
import { offsetIso } from "../../../wire/timestamps.js";

/** A GPU with all its columns; seed and memory stay whole 64-bit numbers. @see protocol 05 §3.2 */
export function nodeRecord(row: NodeRow): Record<string, unknown> {
  return {
    ...row,
    seed: BigInt(row.seed),
    created_at: offsetIso(row.created_at),
    verified_at: isoOrNull(row.verified_at),
  };
}

type ImageRow = Awaited<ReturnType<typeof minerImages>>[number];

/** Names in lower case, as the chute list writes them: miners compare the two. @see protocol 05 §4.1 */
export function imageRecord({ user_id: _, ...row }: ImageRow): Record<string, unknown> {
  return {
    ...row,
    username: row.username.toLowerCase(),
    name: row.name.toLowerCase(),
    tag: row.tag.toLowerCase(),
    created_at: offsetIso(row.created_at),
    build_started_at: isoOrNull(row.build_started_at),
    build_completed_at: isoOrNull(row.build_completed_at),
  };
}

type InstanceRow = Awaited<ReturnType<typeof minerInstances>>[number];

/** An instance without keys or addresses. @see protocol 05 §4.2 */
export function instanceRecord(row: InstanceRow): Record<string, unknown> {
  return {
    ...row,
    last_queried_at: null,
    consecutive_failures: 0,
    created_at: offsetIso(row.created_at),
    updated_at: offsetIso(row.updated_at),
    activated_at: isoOrNull(row.activated_at),
    last_verified_at: isoOrNull(row.last_verified_at),
    stop_billing_at: isoOrNull(row.stop_billing_at),
  };
}

/** Timestamp as miners parse it. */
export function isoOrNull(date: Date | null): string | null {
  return date === null ? null : offsetIso(date);
}
