import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { atDesk } from "../../operator/users/desk.js";
import { changeQuotas, type EntitlementReport } from "../../operator/users/entitle-user.js";

export default class UsersQuota extends BaseCommand {
  static override summary = "Show or change how many calls a day a user has free";
  static override description = "Without --set, --unset and --clear nothing is changed.";
  static override examples = [
    "<%= config.bin %> users quota alice",
    "<%= config.bin %> users quota alice --set '*=500'",
    "<%= config.bin %> users quota alice --clear --dry-run",
  ];
  static override args = { user: Args.string({ description: "name or id", required: true }) };
  static override flags = {
    ...configFlags,
    set: Flags.string({ description: "calls a day; * is all other chutes", multiple: true, helpValue: "CHUTE=NUMBER" }),
    unset: Flags.string({ description: "take one entry out", multiple: true, helpValue: "CHUTE" }),
    clear: Flags.boolean({ description: "take all entries out first" }),
    "dry-run": Flags.boolean({ description: "show the outcome, change nothing", default: false }),
  };

  async run(): Promise<EntitlementReport> {
    const { args, flags } = await this.parse(UsersQuota);
    const change = { set: flags.set ?? [], unset: flags.unset ?? [], clear: flags.clear };
    const isLook = change.set.length === 0 && change.unset.length === 0 && !change.clear;
    const target = { user: args.user, dryRun: flags["dry-run"] || isLook };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => changeQuotas(desk, target, change));
    this.print(table(["chute", "calls a day"], Object.entries(report.after)));
    if (flags["dry-run"]) this.say("Dry run: nothing was changed.");
    return report;
  }
}
