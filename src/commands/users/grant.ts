import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { type PermissionsReport, permit } from "../../operator/users/change-user.js";
import { atDesk } from "../../operator/users/desk.js";
import { bitsOf } from "../../operator/users/permission-flags.js";

export default class UsersGrant extends BaseCommand {
  static override summary = "Grant permissions to a user";
  static override examples = [
    "<%= config.bin %> users grant alice developer public_model_deployment",
    "<%= config.bin %> users grant alice free_account --dry-run",
  ];
  static override strict = false;
  static override args = {
    user: Args.string({ description: "name or id", required: true }),
    permission: Args.string({ description: "one or more names of permissions", required: true }),
  };
  static override flags = {
    ...configFlags,
    "dry-run": Flags.boolean({ description: "show the outcome, change nothing", default: false }),
  };

  async run(): Promise<PermissionsReport> {
    const { args, argv, flags } = await this.parse(UsersGrant);
    const names = argv.slice(1).map(String);
    const target = { user: args.user, dryRun: flags["dry-run"] };
    const bits = { grant: bitsOf(names), revoke: 0 };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => permit(desk, target, bits));
    this.print(report.after.join("\n"));
    this.say(`${report.username} ${report.dry_run ? "would hold" : "holds"} ${report.after.length} permission(s).`);
    return report;
  }
}
