import type { ChainClient } from "../../infra/chain/client.js";
import type { ObjectStore } from "../../infra/object-store/store.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Redis } from "../../infra/redis/client.js";
import type { Config } from "../../kernel/config/schema.js";
import type { Logger } from "../../kernel/logger.js";
import type { Metrics } from "../../kernel/metrics.js";
import type { GpuTable } from "../../wire/gpu-table.js";
import type { Keypair } from "../../wire/keypair.js";
import type { TaoPrice } from "./tao-price.js";

/** What the api service opened at start. Routes take a `Pick` of it. */
export interface ApiDeps {
  readonly config: Config;
  readonly log: Logger;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly db: Db;
  readonly redis: Redis;
  readonly store: ObjectStore;
  readonly chain: ChainClient;
  readonly metrics: Metrics;
  /** The validator hotkey: signs every call to an instance. */
  readonly signer: Keypair;
  readonly gpuTable: GpuTable;
  readonly taoPrice: TaoPrice;
}
