import { Type } from "typebox";
import { choice, flag, number, secret, text, whole } from "./fields.js";

/** @see protocol 01 §17 */
export const accountsSection = Type.Object({
  registrationMode: choice(["open", "allowlist", "token", "closed"], {
    env: "REGISTRATION_MODE",
    default: "open",
    description: "who may register; the stock client sends no token",
  }),
  registrationMinTao: number("REGISTRATION_MIN_TAO", 0, {
    minimum: 0,
    description: "TAO that the coldkey of a new account must hold, 0 = none",
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
  fingerprintPepper: secret(
    "FINGERPRINT_PEPPER",
    "keys the hash of new fingerprints; without it the plain hash is stored",
  ),
  defaultQuotas: text("DEFAULT_QUOTAS", '{"*":200}', "JSON object: free calls a day by chute id, * for all others"),
  defaultDiscounts: text("DEFAULT_DISCOUNTS", '{"*":0}', "JSON object: fraction off by chute id, * for all others"),
  defaultJobQuotas: text("DEFAULT_JOB_QUOTAS", '{"*":0}', "JSON object: jobs a day by chute id, * for all others"),
  logoCdn: text("LOGO_CDN", "", "URL prefix of logos; default https://logos.<baseDomain>"),
  dashboardUrl: text("DASHBOARD_URL", "", "where a browser goes after `chutes login`; default the built-in console"),
  developerDepositUsd: number("DEVELOPER_DEPOSIT", 0, {
    minimum: 0,
    description: "USD to deposit before the developer role is given, 0 = no deposits",
  }),
  validatorHotkeys: text("VALIDATOR_HOTKEYS", "", "comma list of hotkeys that may be linked as validators"),
  subnetOwnerHotkeys: text("SUBNET_OWNER_HOTKEYS", "", "comma list of hotkeys that may be linked as subnet owners"),
});

/** @see protocol 03 §5, §10.4, §10.5, §13 */
export const deploySection = Type.Object({
  requireDeveloperRole: flag("DEPLOY_REQUIRE_DEVELOPER_ROLE", false, "only accounts with the developer role deploy"),
  maxPerDay: whole("DEPLOY_MAX_PER_DAY", 24, {
    minimum: 0,
    description: "deploys, updates and deletions of an account in 24 h, 0 = no limit",
  }),
  minSdkVersion: text("DEPLOY_MIN_SDK_VERSION", "0.3.31", "oldest chutes version of an image"),
  teePolicy: choice(["optional", "required", "forbidden"], {
    env: "DEPLOY_TEE_POLICY",
    default: "optional",
    description: "whether chutes run in trusted hardware; the SDK's default is not to",
  }),
  maxCords: whole("DEPLOY_MAX_CORDS", 100, { minimum: 1, maximum: 1000, description: "cords of a chute" }),
  exclusiveGpus: text("DEPLOY_EXCLUSIVE_GPUS", "", "comma list of GPUs that ordinary accounts may not ask for alone"),
  easyDeploy: flag("EASY_DEPLOY", false, "deploy from the name of a model, without source"),
  modelHubUrl: text("MODEL_HUB_URL", "https://huggingface.co", "where model cards are read"),
  modelCardDir: text("MODEL_CARD_DIR", "", "folder of model cards that are used instead of the hub"),
  rollingUpdateSeconds: whole("ROLLING_UPDATE_SECONDS", 2700, {
    minimum: 1,
    description: "seconds over which the instances of a chute are replaced",
  }),
  rollingUpdateMaxPauseSeconds: whole("ROLLING_UPDATE_MAX_PAUSE_SECONDS", 300, {
    minimum: 1,
    maximum: 3600,
    description: "longest pause between two instances in seconds",
  }),
});

/** @see protocol 02 §5.7, §9 */
export const registrySection = Type.Object({
  url: text("REGISTRY_URL", "", "container registry that images come from, e.g. https://registry.example.org"),
  username: text("REGISTRY_USERNAME", "chutes", "account of that registry"),
  password: secret("REGISTRY_PASSWORD", "password of that account"),
  token: secret("REGISTRY_TOKEN", "bearer token, instead of account and password"),
});

/** @see protocol 03 §7 */
export const pricingSection = Type.Object({
  taoUsd: number("TAO_USD", 0, { minimum: 0, description: "fixed USD price of TAO, 0 = ask the source" }),
  taoPriceUrl: text("TAO_PRICE_URL", "", "https URL of a ticker whose JSON holds the USD price of TAO"),
  taoPricePath: text("TAO_PRICE_PATH", "price", "dotted path of the price in that JSON"),
  lowConcurrencySurcharge: choice(["always", "discounted", "never"], {
    env: "PRICING_LOW_CONCURRENCY_SURCHARGE",
    default: "discounted",
    description: "when tokens of chutes that serve fewer than 16 requests at once cost more",
  }),
  stepMultiplier: number("PRICING_STEP_MULTIPLIER", 0.002, { minimum: 0, description: "hours that one step costs" }),
  cacheDiscount: number("PRICING_CACHE_DISCOUNT", 0.9, {
    minimum: 0,
    maximum: 1,
    description: "share of the input price that a cached token does not cost",
  }),
});

/** @see protocol 03 §6.5, §11 */
export const bountiesSection = Type.Object({
  mode: choice(["activation", "completion"], {
    env: "BOUNTY_MODE",
    default: "activation",
    description: "what claims a bounty: an instance that becomes active, or its first completed call",
  }),
  cooldownSeconds: whole("BOUNTY_COOLDOWN_SECONDS", 600, {
    minimum: 0,
    description: "seconds after a bounty was made or claimed in which no new one is made (activation mode)",
  }),
  publicLifetimeSeconds: whole("BOUNTY_PUBLIC_SECONDS", 86_400, { minimum: 60, description: "seconds" }),
  privateLifetimeSeconds: whole("BOUNTY_PRIVATE_SECONDS", 3600, { minimum: 60, description: "seconds" }),
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
  modelOverrides: text(
    "MODEL_OVERRIDES",
    "",
    "JSON object: by model name, members of the public model list to replace; not prices, id, root, max_model_len",
  ),
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
