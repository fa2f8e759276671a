import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { atDesk } from "../../operator/users/desk.js";
import { changePrice, type PriceReport } from "../../operator/users/entitle-user.js";
import { numberFlag } from "../../operator/users/number-flag.js";

export default class UsersPrice extends BaseCommand {
  static override summary = "Set the prices of a chute for a user, or for everybody";
  static override examples = [
    "<%= config.bin %> users price alice f97cf5ef-3f14-5f63-9046-bbd1e8170cda --per-million-in 0.1 --per-million-out 0.4",
    "<%= config.bin %> users price '*' f97cf5ef-3f14-5f63-9046-bbd1e8170cda --per-request 0.002",
    "<%= config.bin %> users price alice f97cf5ef-3f14-5f63-9046-bbd1e8170cda --clear",
  ];
  static override args = {
    user: Args.string({ description: "name or id, * for everybody", required: true }),
    chute: Args.string({ description: "id of the chute", required: true }),
  };
  static override flags = {
    ...configFlags,
    "per-request": Flags.string({ description: "USD", helpValue: "USD", exclusive: ["clear"] }),
    "per-million-in": Flags.string({ description: "USD", helpValue: "USD", exclusive: ["clear"] }),
    "per-million-out": Flags.string({ description: "USD", helpValue: "USD", exclusive: ["clear"] }),
    "per-step": Flags.string({ description: "USD", helpValue: "USD", exclusive: ["clear"] }),
    clear: Flags.boolean({ description: "take the prices back" }),
    "dry-run": Flags.boolean({ description: "show the outcome, change nothing", default: false }),
  };

  async run(): Promise<PriceReport> {
    const { args, flags } = await this.parse(UsersPrice);
    const price = {
      perRequest: numberFlag("per-request", flags["per-request"]),
      perMillionIn: numberFlag("per-million-in", flags["per-million-in"]),
      perMillionOut: numberFlag("per-million-out", flags["per-million-out"]),
      perStep: numberFlag("per-step", flags["per-step"]),
    };
    const target = { user: args.user, dryRun: flags["dry-run"] };
    const change = { chuteId: args.chute, price: flags.clear ? null : price };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => changePrice(desk, target, change));
    this.say(`${report.dry_run ? "Would be" : "Is"} ${report.price === null ? "computed" : "set"}.`);
    return report;
  }
}
