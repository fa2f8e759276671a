/** Columns of an hour's invocations, in order. @see protocol 08 §2.3 */
export const INVOCATION_COLUMNS = [
  "parent_invocation_id",
  "invocation_id",
  "chute_id",
  "chute_user_id",
  "function_name",
  "image_id",
  "image_user_id",
  "instance_id",
  "miner_uid",
  "miner_hotkey",
  "started_at",
  "completed_at",
  "error_message",
  "compute_multiplier",
  "bounty",
  "metrics",
] as const;

/** Columns of an hour's reports; `invocation_id` is the parent id. @see protocol 08 §2.3 */
export const REPORT_COLUMNS = [
  "invocation_id",
  "user_id",
  "timestamp",
  "confirmed_at",
  "confirmed_by",
  "reason",
] as const;

/** Columns of an hour's jobs. @see protocol 08 §2.3 */
export const JOB_COLUMNS = [
  "job_id",
  "chute_id",
  "version",
  "chutes_version",
  "method",
  "miner_uid",
  "miner_hotkey",
  "miner_coldkey",
  "instance_id",
  "created_at",
  "updated_at",
  "started_at",
  "finished_at",
  "status",
  "compute_multiplier",
  "miner_terminated",
] as const;

/** Columns of the newest invocations, served on request. @see protocol 08 §3.2 */
export const RECENT_COLUMNS = [
  "invocation_id",
  "chute_id",
  "chute_user_id",
  "function_name",
  "image_id",
  "image_user_id",
  "instance_id",
  "miner_uid",
  "miner_hotkey",
  "started_at",
  "completed_at",
  "error_message",
  "compute_multiplier",
  "bounty",
  "metrics",
] as const;
