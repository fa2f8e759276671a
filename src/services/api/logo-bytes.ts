import { buffer } from "node:stream/consumers";
import { logoKey, logoOwner } from "../../domain/logos/logo-repository.js";
import { sha256Hex } from "../../wire/hashes.js";
import type { ApiDeps } from "./deps.js";
import { ExpiringCache } from "./directory/expiring-cache.js";

/** A stored picture and the hash of its bytes. */
interface LogoBytes {
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** About 20 MB at most: a logo of noise has 200 kB, a usual one 10. */
const KEPT = 100;
const TTL_MS = 60_000;
const NEGATIVE_TTL_MS = 1000;

/** Reads logos, keeping those in use for a minute: pages ask for the same few again and again. */
export function openLogoBytes({ db, store, now }: Pick<ApiDeps, "db" | "store" | "now">) {
  const load = async (logoId: string): Promise<LogoBytes | undefined> => {
    const userId = await logoOwner(db, logoId);
    const found = userId === undefined ? undefined : await store.get(logoKey({ userId, logoId }));
    if (found === undefined) return undefined;
    const bytes = await buffer(found.body);
    return { bytes, sha256: sha256Hex(bytes) };
  };
  const cache = new ExpiringCache({ load, now, limit: KEPT, ttlMs: TTL_MS, negativeTtlMs: NEGATIVE_TTL_MS });
  return (logoId: string) => cache.get(logoId);
}
