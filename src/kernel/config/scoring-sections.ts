import { Type } from "typebox";
import { choice, flag, number, secret, text, whole } from "./fields.js";

/** @see protocol 07 §1.1 */
export const chainSection = Type.Object({
  url: text(
    "SUBTENSOR_ADDRESS",
    "wss://entrypoint-finney.opentensor.ai:443",
    "ws(s):// subtensor node, or http:// of `dev chain`",
  ),
  timeoutMs: whole("SUBTENSOR_TIMEOUT_MS", 20_000, { minimum: 100, description: "milliseconds of one chain call" }),
});

/** @see protocol 07 §3, §4 */
export const scoringSection = Type.Object({
  profile: choice(["instance-lifetime", "invocations-2025-10", "invocations-2025-02"], {
    env: "SCORING_PROFILE",
    default: "instance-lifetime",
    description: "scoring rule",
  }),
  oneHotkeyPerColdkey: flag("SCORING_ONE_HOTKEY_PER_COLDKEY", true, "only the best hotkey of a coldkey scores"),
  versionKey: whole("WEIGHTS_VERSION_KEY", 69_420, { minimum: 0, description: "version key sent with weights" }),
  keepTiny: flag("WEIGHTS_KEEP_TINY", false, "positive scores quantise to at least 1"),
});

/** @see protocol 08 §2 */
export const auditSection = Type.Object({
  settleSeconds: whole("EXPORT_SETTLE_SECONDS", 60, {
    minimum: 0,
    maximum: 3000,
    description: "seconds after the hour before it is exported",
  }),
  commit: flag("EXPORT_COMMIT", true, "commit the hash of each audit report on chain"),
  pseudonyms: flag("EXPORT_PSEUDONYMS", true, "replace user ids and report texts in exports"),
  exportKey: secret("EXPORT_KEY", "HMAC key of the pseudonyms"),
  retentionDays: whole("EXPORT_RETENTION_DAYS", 90, { minimum: 8, description: "days that exports are kept" }),
});

/** @see protocol 10 §14 */
export const jobsSection = Type.Object({
  metasyncSeconds: number("METASYNC_INTERVAL_SECONDS", 60, {
    minimum: 1,
    description: "seconds between metagraph reads",
  }),
  usageSeconds: number("USAGE_INTERVAL_SECONDS", 10, { minimum: 1, description: "seconds between usage roll-ups" }),
  invocationCountSeconds: number("INVOCATION_COUNT_INTERVAL_SECONDS", 60, {
    minimum: 1,
    description: "seconds between counts of each chute's calls of the past day",
  }),
  modelListSeconds: number("MODEL_LIST_INTERVAL_SECONDS", 15, {
    minimum: 1,
    description: "seconds between looks for models whose engines were not asked for five minutes",
  }),
  scoresSeconds: number("SCORES_INTERVAL_SECONDS", 600, {
    minimum: 1,
    description: "seconds between published scores",
  }),
  outboxMs: whole("OUTBOX_INTERVAL_MS", 200, { minimum: 10, description: "milliseconds between looks at the outbox" }),
  leaseSeconds: whole("JOB_LEASE_SECONDS", 30, { minimum: 3, description: "life of a job lease in seconds" }),
});
