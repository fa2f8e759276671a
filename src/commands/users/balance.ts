import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { type BalanceReport, changeBalance } from "../../operator/users/change-user.js";
import { atDesk } from "../../operator/users/desk.js";
import { numberFlag } from "../../operator/users/number-flag.js";

export default class UsersBalance extends BaseCommand {
  static override summary = "Give a user USD, or take some";
  static override examples = [
    "<%= config.bin %> users balance alice --add 25 --reason 'welcome gift'",
    "<%= config.bin %> users balance alice --take 5 --reason chargeback --dry-run",
  ];
  static override args = { user: Args.string({ description: "name or id", required: true }) };
  static override flags = {
    ...configFlags,
    add: Flags.string({ description: "USD to give", helpValue: "USD", exactlyOne: ["add", "take"] }),
    take: Flags.string({ description: "USD to take", helpValue: "USD" }),
    reason: Flags.string({ description: "kept in the books", required: true, env: "BALANCE_REASON" }),
    "dry-run": Flags.boolean({ description: "show the outcome, change nothing", default: false }),
  };

  async run(): Promise<BalanceReport> {
    const { args, flags } = await this.parse(UsersBalance);
    const amountUsd = (numberFlag("add", flags.add) ?? 0) - (numberFlag("take", flags.take) ?? 0);
    const target = { user: args.user, dryRun: flags["dry-run"] };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => changeBalance(desk, target, { amountUsd, reason: flags.reason }));
    this.print(String(report.balance));
    this.say(`${report.username} ${report.dry_run ? "would have" : "has"} ${report.balance} USD.`);
    return report;
  }
}
