import { Type } from "typebox";
import { choice, flag, number, secret, text, whole } from "./fields.js";

/** @see protocol 01 §17 */
export const accountsSection = Type.Object({
  registrationMode: choice(["open", "closed"], {
    env: "REGISTRATION_MODE",
    default: "open",
    description: "who may register",
  }),
  registrationPerIpDay: whole("REGISTRATION_PER_IP_DAY", 3, {
    minimum: 0,
    description: "sign-ups per address in 24 h, 0 = no limit",
  }),
  allAccountsFree: flag("ALL_ACCOUNTS_FREE", false, "new accounts are never charged"),
  walletKey: secret("WALLET_KEY", "AES-256 key of payment wallets, 64 hex digits"),
  pgEncryptionKey: secret("PG_ENCRYPTION_KEY", "OpenPGP passphrase of payment wallets"),
  launchConfigKey: secret("LAUNCH_CONFIG_KEY", "signs launch and job tokens"),
  ipCheckSalt: secret("IP_CHECK_SALT", "salt of source-address tokens"),
  defaultQuota: number("DEFAULT_QUOTA", 200, { minimum: 0, description: "free calls a day where no quota row exists" }),
  logoCdn: text("LOGO_CDN", "", "URL prefix of logos; default https://logos.<baseDomain>"),
});

/** @see protocol 04 §2, §3, §5, §7 */
export const gatewaySection = Type.Object({
  maxBodyBytes: whole("MAX_REQUEST_BODY_BYTES", 134_217_728, { minimum: 1024, description: "bytes of a request body" }),
  maxAttempts: whole("INVOKE_MAX_ATTEMPTS", 3, {
    minimum: 1,
    maximum: 10,
    description: "instances tried for one request",
  }),
  consecutiveFailureLimit: whole("CONSECUTIVE_FAILURE_LIMIT", 7, {
    minimum: 1,
    description: "failures in a row that disable an instance",
  }),
  rateLimitCount: whole("RATE_LIMIT_COUNT", 60, {
    minimum: 0,
    description: "requests per window and user on public chutes, 0 = off",
  }),
  rateLimitWindowSeconds: whole("RATE_LIMIT_WINDOW", 60, { minimum: 1, description: "seconds" }),
  connectTimeoutMs: whole("INVOKE_CONNECT_TIMEOUT_MS", 10_000, { minimum: 100, description: "milliseconds" }),
  readTimeoutMs: whole("INVOKE_READ_TIMEOUT_MS", 1_800_000, {
    minimum: 1000,
    description: "milliseconds a non-stream answer may take",
  }),
  streamIdleTimeoutMs: whole("INVOKE_STREAM_IDLE_TIMEOUT_MS", 600_000, {
    minimum: 1000,
    description: "milliseconds between two chunks",
  }),
  writeBatchRows: whole("INVOCATION_BATCH_ROWS", 500, { minimum: 1, maximum: 5000, description: "rows per insert" }),
  writeBatchMs: whole("INVOCATION_BATCH_MS", 250, {
    minimum: 10,
    maximum: 5000,
    description: "milliseconds a row waits at most",
  }),
  spoolDir: text(
    "INVOCATION_SPOOL_DIR",
    "",
    "folder of this process alone for rows that wait for the database; in memory when empty",
  ),
});

/** @see protocol 05 §3, §6 */
export const instancesSection = Type.Object({
  allowPrivateHosts: flag(
    "ALLOW_PRIVATE_HOSTS",
    false,
    "accept miners on private or loopback addresses (lab networks)",
  ),
  launchTokenSeconds: whole("LAUNCH_TOKEN_SECONDS", 7200, {
    minimum: 60,
    description: "life of a launch token in seconds",
  }),
  maxStartupSeconds: whole("MAX_STARTUP_SECONDS", 12_600, {
    minimum: 60,
    description: "seconds from creation to activation",
  }),
  privateMultiplier: number("PRIVATE_MULTIPLIER", 2, {
    minimum: 0,
    description: "factor for instances of private chutes",
  }),
  teeMultiplier: number("TEE_MULTIPLIER", 1.5, { minimum: 0, description: "factor for TEE chutes" }),
  gpuTableFile: text("GPU_TABLE_FILE", "", "YAML or JSON file that replaces the built-in GPU table"),
});

/** @see protocol 06 §7.1 */
export const gpuVerificationSection = Type.Object({
  mode: choice(["tee", "remote", "ffi", "pog", "skip"], {
    env: "GPU_VERIFICATION_MODE",
    default: "pog",
    description: "how a GPU is proven",
  }),
  allowInsecureKeys: flag(
    "GPU_ALLOW_INSECURE_KEYS",
    false,
    "hand instance keys over with the dummy backend (dev only)",
  ),
});
