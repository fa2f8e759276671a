import pLimit from "p-limit";
import { type ModelCard, readModelCard } from "../../domain/models/model-card.js";
import { openModelSource } from "../../infra/model-hub/open.js";
import { AppError } from "../../kernel/errors.js";
import type { Running } from "../../kernel/lifecycle.js";
import type { ApiDeps } from "./deps.js";
import { ExpiringCache } from "./directory/expiring-cache.js";

/** Descriptions of models, from memory for some minutes. */
export interface ModelCards extends Running {
  /** As `readModelCard`; AppError `unavailable` also when too many are being read. */
  card(model: string): Promise<ModelCard | "gated" | undefined>;
  /** Commit of the model's main branch. */
  mainRevision(model: string): Promise<string | undefined>;
}

const READ_MS = 10_000;
/** Anybody may ask, so few are read at a time and few may wait. */
const READS_AT_ONCE = 4;
const MOST_WAITING = 32;

/** Opens the operator's source of model descriptions. @see protocol 03 §10.5 */
export function openModelCards({ config, now }: Pick<ApiDeps, "config" | "now">): ModelCards {
  const source = openModelSource(config.deploy);
  const limit = pLimit(READS_AT_ONCE);
  const cards = new ExpiringCache<ModelCard | "gated">({
    load: (model) => limit(() => readModelCard(source, model, AbortSignal.timeout(READ_MS))),
    now,
    limit: 500,
    ttlMs: 300_000,
    negativeTtlMs: 30_000,
  });
  return {
    async card(model) {
      if (limit.pendingCount >= MOST_WAITING)
        throw new AppError("unavailable", "Too many models are being looked up; try again.");
      return cards.get(model);
    },
    mainRevision: (model) => source.mainRevision(model, AbortSignal.timeout(READ_MS)),
    close: () => source.close(),
  };
}
