import { openChain } from "../infra/chain/open.js";
import { openObjectStore } from "../infra/object-store/open.js";
import { openPostgres } from "../infra/postgres/client.js";
import { requireSettings } from "../kernel/config/require.js";
import type { Context } from "../kernel/context.js";
import { CloseStack, type Running } from "../kernel/lifecycle.js";
import { createMetrics } from "../kernel/metrics.js";
import { initCrypto, keypairFromSeed } from "../wire/keypair.js";
import type { ExportSources } from "./audit-export/export-deps.js";
import type { RunnerDeps } from "./leased-run.js";

const NEEDS = ["postgres.url", "objectStore.url", "chain.url", "validator.seed", "audit.exportKey"];

export interface JobSources extends ExportSources, Running {
  readonly runner: RunnerDeps;
}

/** Opens what jobs need for a run by hand. The caller closes it. */
export async function openJobSources(ctx: Context): Promise<JobSources> {
  const { config, log, now, signal } = ctx;
  requireSettings(config, NEEDS);
  const stack = new CloseStack();
  try {
    await initCrypto();
    const signer = keypairFromSeed(config.validator.seed);
    const db = openPostgres(config.postgres);
    stack.add(() => db.destroy());
    const chain = stack.use(await openChain(config.chain, log));
    const store = await openObjectStore(config.objectStore);
    const runner = { db, log, now, signal, metrics: createMetrics(), leaseSeconds: config.jobs.leaseSeconds };
    return {
      config,
      db,
      store,
      chain,
      signer,
      pseudonymKey: config.audit.exportKey,
      runner,
      close: () => stack.close(),
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
}
