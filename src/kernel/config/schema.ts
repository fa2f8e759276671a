import { type Static, Type } from "typebox";
import { choice, secret, text } from "./fields.js";
import {
  accountsSection,
  bountiesSection,
  deploySection,
  gatewaySection,
  gpuVerificationSection,
  instancesSection,
  pricingSection,
  registrySection,
} from "./platform-sections.js";
import { auditSection, chainSection, jobsSection, scoringSection } from "./scoring-sections.js";

const port = (env: string, value: number, description: string) =>
  Type.Integer({ env, default: value, minimum: 0, maximum: 65_535, description });

const log = Type.Object({
  level: choice(["trace", "debug", "info", "warn", "error", "silent"], {
    env: "LOG_LEVEL",
    default: "info",
    description: "lowest level that is written",
  }),
});

const postgres = Type.Object({
  url: secret("POSTGRES_URL", "postgres://user:password@host:port/database"),
  poolSize: Type.Integer({
    env: "POSTGRES_POOL_SIZE",
    default: 10,
    minimum: 1,
    maximum: 200,
    description: "connections",
  }),
  statementTimeoutMs: Type.Integer({
    env: "POSTGRES_STATEMENT_TIMEOUT_MS",
    default: 30_000,
    minimum: 100,
    description: "milliseconds",
  }),
});

const redis = Type.Object({
  url: secret("REDIS_URL", "redis://[:password@]host:port/db, or `memory:` for one process"),
});

const objectStore = Type.Object({
  url: text("OBJECT_STORE_URL", "", "file:///absolute/folder or s3://bucket[/prefix]"),
  endpoint: text("S3_ENDPOINT", "", "S3 endpoint of a store that is not AWS"),
  region: text("S3_REGION", "us-east-1", "S3 region"),
  accessKeyId: secret("S3_ACCESS_KEY_ID", "S3 key id"),
  secretAccessKey: secret("S3_SECRET_ACCESS_KEY", "S3 secret"),
});

const validator = Type.Object({
  ss58: text("VALIDATOR_SS58", "", "address of the validator hotkey"),
  seed: secret("VALIDATOR_SEED", "mini secret of the validator hotkey, 64 hex digits"),
});

const listen = Type.Object({
  host: text("LISTEN_HOST", "0.0.0.0", "address that services bind"),
  apiPort: port("API_PORT", 8000, "port of `serve api`"),
  socketPort: port("SOCKET_PORT", 8080, "port of `serve socket`"),
  eventsPort: port("EVENTS_PORT", 8081, "port of `serve events`"),
  workerPort: port("WORKER_PORT", 8090, "port of `serve worker`: health and metrics"),
  trustedProxies: text("TRUSTED_PROXIES", "", "comma list of addresses or CIDRs whose forwarding headers are believed"),
});

/** The whole configuration: key, env name, default, limits, secrecy and help of every setting. */
export const ConfigSchema = Type.Object({
  environment: choice(["production", "dev"], {
    env: "CHUTES_ENV",
    default: "production",
    description: "`dev` allows sample keys and unverified GPUs; never use it for value",
  }),
  baseDomain: text("BASE_DOMAIN", "localhost", "domain below which api., llm., events. … live"),
  publicUrl: text("PUBLIC_API_URL", "", "URL of the API as clients see it; default https://api.<baseDomain>"),
  netuid: Type.Integer({ env: "NETUID", default: 64, minimum: 0, maximum: 65_535, description: "subnet" }),
  platformUsername: text("PLATFORM_USERNAME", "chutes", "account that owns first-party chutes"),
  log,
  listen,
  postgres,
  redis,
  objectStore,
  validator,
  chain: chainSection,
  accounts: accountsSection,
  deploy: deploySection,
  pricing: pricingSection,
  registry: registrySection,
  bounties: bountiesSection,
  gateway: gatewaySection,
  instances: instancesSection,
  gpuVerification: gpuVerificationSection,
  scoring: scoringSection,
  audit: auditSection,
  jobs: jobsSection,
});

export type Config = Static<typeof ConfigSchema>;
