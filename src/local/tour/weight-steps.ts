import { pause } from "../../kernel/lifecycle.js";
import { setWeightsOnce } from "../../operator/weights/open-weights.js";
import type { WeightsReport } from "../../operator/weights/set-weights.js";
import { expectThat, found, type TourState } from "./tour-state.js";

const TRIES = 40;

/** Scores as of the export's closing time, submits, reads back. An earlier submission may make it wait for the rate limit. @see protocol 07 §4 */
export async function submitWeights(state: TourState, note: (text: string) => void): Promise<void> {
  const { closedAt } = found(state.exported, "export");
  const ctx = { config: state.config, log: state.log, now: () => new Date(), signal: state.signal };
  let report: WeightsReport | undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    report = await setWeightsOnce(ctx, { asOf: closedAt, dryRun: false });
    if (report.outcome !== "too-soon") break;
    note(`the rate limit ends at block ${report.next_block}`);
    await pause(500, state.signal);
  }
  expectThat(report?.outcome === "submitted", `weights were not submitted: ${report?.outcome}`);
  expectThat(report.weights.length > 0, "no miner has a weight");
  state.facts["weights"] = { block: report.block, miners: report.weights.length };
}
