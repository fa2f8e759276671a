import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHttpClient } from "../../infra/http-client/client.js";
import type { Context } from "../../kernel/context.js";
import type { Running } from "../../kernel/lifecycle.js";
import type { Step } from "../../kernel/step.js";
import { initCrypto, keypairFromSeed } from "../../wire/keypair.js";
import { createApiKey, registerUser } from "./account-steps.js";
import { deleteChute, deployChute, waitUntilActive } from "./chute-steps.js";
import { completeThroughLlmHost, completeThroughSlugHost } from "./completion-steps.js";
import { downloadExport, exportHour, findInvocationRows } from "./export-steps.js";
import type { TourState } from "./tour-state.js";
import { flippedByteIsNamed, removedRowIsNamed, verifyAgrees } from "./verify-steps.js";
import { submitWeights } from "./weight-steps.js";

/** The main job from end to end, each step with a check that can fail. */
export const TOUR_STEPS: readonly Step<TourState>[] = [
  { title: "Register a user with a signed request", run: registerUser },
  { title: "Create an API key", run: createApiKey },
  { title: "Deploy a chute with the SDK's request", run: deployChute },
  { title: "A miner takes it; its instance becomes active", run: waitUntilActive },
  { title: "Complete through the llm host, plain and streamed", run: completeThroughLlmHost },
  { title: "Complete through the chute's own host, plain and streamed", run: completeThroughSlugHost },
  { title: "Find the invocation rows with their metrics", run: findInvocationRows },
  { title: "Export the hour and commit its hash", run: exportHour },
  { title: "List, download, compare with the commitment", run: downloadExport },
  { title: "Score, set weights, read them back", run: submitWeights },
  { title: "verify agrees", run: verifyAgrees },
  { title: "verify names a flipped byte", run: flippedByteIsNamed },
  { title: "verify names a removed row", run: removedRowIsNamed },
];

/** Opens what the tour needs to walk through the platform that `ctx.config` describes. Closing removes its chute and downloads. */
export async function openTour(ctx: Context): Promise<TourState & Running> {
  await initCrypto();
  const id = randomBytes(4).toString("hex");
  const workDir = await mkdtemp(join(tmpdir(), "chutes-tour-"));
  const http = createHttpClient({ connectTimeoutMs: 5000, totalTimeoutMs: 60_000, lookupLocalhost: true });
  const state: TourState = {
    config: ctx.config,
    log: ctx.log,
    signal: ctx.signal,
    http,
    workDir,
    hotkey: keypairFromSeed(randomBytes(32).toString("hex")),
    username: `tour_${id}`,
    chuteName: `tour-${id}`,
    invocationIds: [],
    facts: {},
  };
  return Object.assign(state, {
    async close() {
      await deleteChute(state).catch((error: unknown) =>
        ctx.log.debug({ err: error }, "the tour's chute was not deleted"),
      );
      await http.close();
      await rm(workDir, { recursive: true, force: true });
    },
  });
}
