import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { type DeletionReport, deleteUser } from "../../operator/users/change-user.js";
import { atDesk } from "../../operator/users/desk.js";

export default class UsersDelete extends BaseCommand {
  static override summary = "Delete a user who holds no permission, money, chute, image or secret";
  static override examples = [
    "<%= config.bin %> users delete alice --reason 'asked for it'",
    "<%= config.bin %> users delete alice --reason test --dry-run",
  ];
  static override args = { user: Args.string({ description: "name or id", required: true }) };
  static override flags = {
    ...configFlags,
    reason: Flags.string({ description: "kept in the audit log", required: true, env: "DELETE_REASON" }),
    "dry-run": Flags.boolean({ description: "find the user, delete nothing", default: false }),
  };

  async run(): Promise<DeletionReport> {
    const { args, flags } = await this.parse(UsersDelete);
    const target = { user: args.user, dryRun: flags["dry-run"] };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => deleteUser(desk, target, flags.reason));
    this.say(`${report.username} ${report.dry_run ? "would be looked at and deleted" : "is deleted"}.`);
    return report;
  }
}
