const HOUR = 3600;
const DAY = 24 * HOUR;

/**
 * Every key in shared memory. All of it may be lost: counters, caches, marks. The lifetime of each key is the entry of the
 * same name in `redisTtlSeconds`; a key without one is deleted by the event that ends it.
 * @see protocol 04 §14
 */
export const redisKeys = {
  /** Sorted set of the calls an instance is serving: member = call id, score = Unix ms when its lease ends. @see protocol 04 §18.3 */
  connections: (chuteId: string, instanceId: string) => `cc:${chuteId}:${instanceId}`,
  /** Calls used on a UTC day. `scope` is a chute id, or `__default__` for calls that no rule of their own covers. @see protocol 04 §3.4 */
  quotaUsed: (at: Date, userId: string, scope: string) => `q:${utcDay(at)}:${userId}:${scope}`,

  /** Failures in a row; a success deletes it. @see protocol 04 §7.4 */
  consecutiveFailures: (instanceId: string) => `consecutive_failures:${instanceId}`,
  /** Present while an instance gets no calls; lives 90 s times the disables of the last hour. */
  instanceDisabled: (instanceId: string) => `instance_disabled:${instanceId}`,
  /** Sorted set of the disables of the last hour: score = Unix ms. */
  instanceDisables: (instanceId: string) => `instance_disable_zset:${instanceId}`,
  /** Present while a bad instance waits for its deletion. */
  pendingDeletion: (instanceId: string) => `pending_deletion:${instanceId}`,
  /** Sorted set of all pending deletions, score = Unix ms when the mark ends: an outage of ours shows as many at once. */
  pendingDeletions: "pending_deletions",

  /** JSON `{ created_at, chute_id }` of an open bounty; `created_at` in Unix seconds. Lives as the bounty settings say. @see protocol 03 §11 */
  bounty: (chuteId: string) => `bounty:${chuteId}`,
  /** Sorted set of chutes with a bounty by creation time, so that listing never scans the keyspace. @see protocol 03 §17.16 */
  bounties: "bounties",
  /** Present while a chute gets no new bounty; lives as the bounty settings say. @see protocol 03 §11.1 */
  bountyCooldown: (chuteId: string) => `bounty_cooldown:${chuteId}`,
  /** What one attempt to activate an instance got of a bounty; empty for nothing. @see protocol 03 §11.4 */
  bountyClaim: (attemptId: string) => `bounty_claim:${attemptId}`,
  /** Set by whoever announces a bounty in a 30 s window. @see protocol 04 §5.5 */
  bountyNotification: (chuteId: string, at: Date) => `bounty_notification:${chuteId}:${windowStart(at, 30)}`,

  /** Present when an instance has recently seen a prompt prefix. @see protocol 04 §5.4 */
  promptPrefix: (md5: string, instanceId: string) => `pfx:${md5}:${instanceId}`,
  /** How often a user sent this very request lately. @see protocol 04 §10.4 */
  userRequest: (requestId: string) => `userreq:${requestId}`,
  /** Requests of one caller within the window that ends now. `scope` says what is limited, `subject` for whom. @see protocol 04 §3.5 */
  rateWindow: (scope: string, subject: string) => `rl:${scope}:${subject}`,

  /** Present while an operator holds a model back. @see protocol 04 §3.1 */
  modelDisabled: (chuteId: string) => `model_disabled:${chuteId}`,
  /** Present while a chute is disabled. @see protocol 03 §9 */
  chuteDisabled: (chuteId: string) => `chute_disabled:${chuteId}`,
  /** How many instances a chute may have. @see protocol 03 §12.2 */
  scaleTarget: (chuteId: string) => `scale:${chuteId}`,

  /** Average (`v`), its count (`c`) or its last value (`l`). @see protocol 04 §9.3 */
  movingAverage: (chuteId: string, metric: string, part: "v" | "c" | "l") => `_mva:${chuteId}:${metric}:${part}`,
  /** Hash of an adaptive average: prompt (`ptps`) or output (`otps`) tokens per second. @see protocol 04 §9.3 */
  adaptiveAverage: (prefix: "ptps" | "otps", chuteId: string) => `${prefix}:${chuteId}`,

  /** USD per TAO, decimal. @see protocol 03 §7.4 */
  taoPrice: "price:tao",

  /** Sign-ups from one address in 24 h. @see protocol 01 §17 */
  signups: (ip: string) => `signup:${ip}`,
  /** Hash of the failed attempts of one subject at one thing. @see protocol 01 §21.5 */
  attempts: (action: string, subject: string) => `attempts:${action}:${subject}`,
  /** Present until a registration token is used. @see protocol 01 §6.3 */
  registrationToken: (token: string) => `registration_token:${token}`,
  /** Present until a login nonce is used. @see protocol 01 §5.3 */
  loginNonce: (nonce: string) => `login_nonce:${nonce}`,
  /** Nonce a runtime must derive its session from. @see protocol 05 §6.3 */
  launchNonce: (configId: string) => `launch_nonce:${configId}`,
  /** Present when a signed state-changing request was accepted; `digest` covers signature, method, path and body. @see protocol 01 §21.2 */
  replay: (digest: string) => `replay:${digest}`,
} as const;

/** Lifetimes in seconds of the keys of `redisKeys`. */
export const redisTtlSeconds = {
  connections: HOUR,
  quotaUsed: 26 * HOUR,
  instanceDisabled: 90,
  instanceDisables: HOUR,
  pendingDeletion: 75,
  bountyClaim: DAY,
  bountyNotification: 33,
  promptPrefix: 600,
  userRequest: 900,
  scaleTarget: 3700,
  movingAverage: 7 * DAY,
  adaptiveAverage: 7 * DAY,
  taoPrice: HOUR,
  /** A price that was read from the database is looked at again soon. */
  taoPriceStored: 60,
  signups: DAY,
  attempts: 2 * HOUR,
  registrationToken: 300,
  loginNonce: 300,
  launchNonce: 2 * HOUR,
  /** A signature whose clock runs 600 s ahead is accepted until 600 s after its nonce. */
  replay: 1200,
} as const;

/** Channel that tells every process what to forget. @see protocol 04 §14 */
export const CACHE_INVALIDATE_CHANNEL = "cache_invalidate";

function utcDay(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll("-", "");
}

function windowStart(at: Date, seconds: number): number {
  return Math.floor(at.getTime() / 1000 / seconds) * seconds;
}
