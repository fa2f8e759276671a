import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../cli/base-command.js";
import { parseDate } from "../cli/parse-date.js";
import { table } from "../cli/table.js";
import { setWeightsOnce } from "../operator/weights/open-weights.js";
import type { WeightsReport } from "../operator/weights/set-weights.js";

export default class SetWeights extends BaseCommand {
  static override summary = "Score the miners, set the weights on chain, and read them back";
  static override description =
    "One shot, made for cron: when it is too early, or nothing scored, nothing is submitted and the exit code is 0.";
  static override examples = [
    "<%= config.bin %> set-weights --dry-run",
    "<%= config.bin %> set-weights --config validator.yaml --json",
  ];
  static override flags = {
    ...configFlags,
    "dry-run": Flags.boolean({ description: "show the weights, submit nothing" }),
    "as-of": Flags.string({ description: "score as of this time instead of now", helpValue: "ISO" }),
  };

  async run(): Promise<WeightsReport> {
    const { flags } = await this.parse(SetWeights);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const asOf = flags["as-of"] === undefined ? undefined : parseDate(flags["as-of"], "as-of");
    const report = await setWeightsOnce(ctx, { dryRun: flags["dry-run"], asOf });
    this.print(
      table(
        ["uid", "hotkey", "score", "weight"],
        report.weights.map((line) => [line.uid, line.hotkey, line.score.toFixed(9), line.value]),
      ),
    );
    this.say(OUTCOME[report.outcome](report));
    return report;
  }
}

const OUTCOME: Readonly<Record<WeightsReport["outcome"], (report: WeightsReport) => string>> = {
  submitted: (report) => `Submitted in block ${report.block} and read back: the chain holds these weights.`,
  "dry-run": () => "Dry run: nothing was submitted.",
  "nothing-to-submit": () => "No miner has a positive score: nothing was submitted.",
  "too-soon": (report) => `The rate limit ends at block ${report.next_block}: nothing was submitted.`,
};
