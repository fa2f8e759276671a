import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { atDesk } from "../../operator/users/desk.js";
import { changeDiscounts, type EntitlementReport } from "../../operator/users/entitle-user.js";

export default class UsersDiscount extends BaseCommand {
  static override summary = "Show or change what fraction is off for a user";
  static override description = "Without --set, --unset and --clear nothing is changed.";
  static override examples = [
    "<%= config.bin %> users discount alice",
    "<%= config.bin %> users discount alice --set '*=0.2'",
    "<%= config.bin %> users discount alice --clear --dry-run",
  ];
  static override args = { user: Args.string({ description: "name or id", required: true }) };
  static override flags = {
    ...configFlags,
    set: Flags.string({
      description: "fractions off; * is all other chutes",
      multiple: true,
      helpValue: "CHUTE=NUMBER",
    }),
    unset: Flags.string({ description: "take one entry out", multiple: true, helpValue: "CHUTE" }),
    clear: Flags.boolean({ description: "take all entries out first" }),
    "dry-run": Flags.boolean({ description: "show the outcome, change nothing", default: false }),
  };

  async run(): Promise<EntitlementReport> {
    const { args, flags } = await this.parse(UsersDiscount);
    const change = { set: flags.set ?? [], unset: flags.unset ?? [], clear: flags.clear };
    const isLook = change.set.length === 0 && change.unset.length === 0 && !change.clear;
    const target = { user: args.user, dryRun: flags["dry-run"] || isLook };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => changeDiscounts(desk, target, change));
    this.print(table(["chute", "fractions off"], Object.entries(report.after)));
    if (flags["dry-run"]) this.say("Dry run: nothing was changed.");
    return report;
  }
}
