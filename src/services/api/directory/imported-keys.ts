import { rehashApiKey } from "../../../domain/accounts/api-key-repository.js";
import { isArgon2idHash, openArgon2 } from "../../../infra/password-hash/argon2.js";
import type { Db } from "../../../infra/postgres/client.js";
import { messageOf } from "../../../kernel/errors.js";
import type { Logger } from "../../../kernel/logger.js";
import { apiKeyHash } from "../../../wire/api-key.js";

/** Checks keys of the original server, whose hashes are slow on purpose. */
export interface ImportedKeys {
  /** Whether that stored hash is a slow one. */
  isImported(storedHash: string): boolean;
  /**
   * Whether the key is the stored one. The first success replaces the hash, so that the next check costs microseconds.
   * @throws AppError `unavailable` when too many wait
   */
  matches(key: string, stored: { readonly apiKeyId: string; readonly keyHash: string }): Promise<boolean>;
}

/** Wrong keys that are remembered: repeating one must not cost 64 MiB again. */
const MOST_REFUSED = 2000;

/** Opens the checker; `onRehashed` is told of each key whose stored hash changed. */
export function openImportedKeys(
  { db, log }: { readonly db: Db; readonly log: Logger },
  onRehashed: (apiKeyId: string) => void,
): ImportedKeys {
  const verify = openArgon2();
  const refused = new Set<string>();
  const running = new Map<string, Promise<boolean>>();

  const check = async (key: string, { apiKeyId, keyHash }: { apiKeyId: string; keyHash: string }) => {
    const newHash = apiKeyHash(key);
    if (refused.has(newHash)) return false;
    if (!(await verify(key, keyHash))) {
      const [oldest] = refused;
      if (refused.size >= MOST_REFUSED && oldest !== undefined) refused.delete(oldest);
      refused.add(newHash);
      return false;
    }
    // The key is good even when the database cannot take its new hash right now.
    await rehashApiKey(db, { apiKeyId, oldHash: keyHash, newHash }).then(
      () => onRehashed(apiKeyId),
      (error: unknown) => log.warn({ apiKeyId, reason: messageOf(error) }, "an imported key keeps its slow hash"),
    );
    return true;
  };

  return {
    isImported: isArgon2idHash,
    matches(key, stored) {
      const id = `${apiKeyHash(key)}\n${stored.keyHash}`;
      const known = running.get(id);
      if (known !== undefined) return known;
      const checking = check(key, stored).finally(() => running.delete(id));
      running.set(id, checking);
      return checking;
    },
  };
}
