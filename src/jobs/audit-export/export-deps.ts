import type { ChainClient } from "../../infra/chain/client.js";
import type { ObjectStore } from "../../infra/object-store/store.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Config } from "../../kernel/config/schema.js";
import type { Keypair } from "../../wire/keypair.js";
import type { JobRun } from "../job.js";

/** What the export needs from outside. */
export interface ExportSources {
  readonly config: Config;
  readonly db: Db;
  readonly store: ObjectStore;
  readonly chain: ChainClient;
  readonly signer: Keypair;
  /** HMAC key of the pseudonyms in public files. */
  readonly pseudonymKey: string;
}

/** The same during one leased run. */
export interface ExportDeps extends ExportSources {
  readonly run: JobRun;
}
