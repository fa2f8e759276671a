import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { AppError } from "../../kernel/errors.js";
import { type BoostReport, boostChute } from "../../operator/chutes/boost-chute.js";

export default class ChutesBoost extends BaseCommand {
  static override summary = "Make a chute worth more, or less, to miners";
  static override examples = [
    "<%= config.bin %> chutes boost alice/my-chute 1.5",
    "<%= config.bin %> chutes boost alice/my-chute --clear",
    "<%= config.bin %> chutes boost 756fb836-6e84-5917-9f12-8d6d5b31cc16 3 --dry-run --json",
  ];
  static override args = {
    chute: Args.string({ description: "id or USERNAME/NAME", required: true }),
    factor: Args.string({ description: "factor on its multiplier, above 0 and at most 20" }),
  };
  static override flags = {
    ...configFlags,
    clear: Flags.boolean({ description: "take the boost away", default: false }),
    "dry-run": Flags.boolean({ description: "show what is set now, change nothing", default: false }),
  };

  async run(): Promise<BoostReport> {
    const { args, flags } = await this.parse(ChutesBoost);
    if ((args.factor === undefined) !== flags.clear)
      throw new AppError("invalid", "give either a factor or --clear", { fix: "chutes boost CHUTE 1.5" });
    const ctx = this.contextOf(this.readConfig(flags.config));
    const boost = args.factor === undefined ? null : Number(args.factor);
    const report = await boostChute(ctx, { chute: args.chute, boost, dryRun: flags["dry-run"] });
    this.print(report.chute_id);
    const did = report.dry_run ? "Would change" : "Changed";
    this.say(`${did} the boost of ${report.chute} from ${report.before ?? "none"} to ${report.after ?? "none"}.`);
    return report;
  }
}
