import { verify } from "@node-rs/argon2";
import pLimit from "p-limit";
import { AppError } from "../../kernel/errors.js";

const PHC_SHAPE = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;
/** Four times what the original server stores: whoever can write hashes must not make one check cost more. */
const MOST_MEMORY_KIB = 262_144;
const MOST_PASSES = 12;
const MOST_LANES = 16;

/** Each takes its memory and a thread of Node's pool, which files and name look-ups share. */
const AT_ONCE = 2;
const MOST_WAITING = 32;

/** Compares a secret with an Argon2id hash. */
export type Argon2Verifier = (secret: string, hash: string) => Promise<boolean>;

/** Whether the text is an Argon2id hash in PHC form, version 19, at a cost that is accepted. @see protocol 01 §4.2 */
export function isArgon2idHash(text: string): boolean {
  const [, memory, passes, lanes] = PHC_SHAPE.exec(text) ?? [];
  return Number(memory) <= MOST_MEMORY_KIB && Number(passes) <= MOST_PASSES && Number(lanes) <= MOST_LANES;
}

/**
 * A verifier that works in Node's thread pool: a check takes 100 ms and more. Two run at once and 32 may wait; beyond that
 * it throws AppError `unavailable`. What is no hash matches nothing.
 */
export function openArgon2(): Argon2Verifier {
  const limit = pLimit(AT_ONCE);
  return async (secret, hash) => {
    if (!isArgon2idHash(hash)) return false;
    if (limit.pendingCount >= MOST_WAITING)
      throw new AppError("unavailable", "Too many imported keys are being checked; try again.", {
        headers: { "retry-after": "1" },
      });
    return limit(() => verify(hash, secret).catch(() => false));
  };
}
