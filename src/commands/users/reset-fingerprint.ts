import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { resetFingerprint } from "../../operator/users/change-user.js";
import { atDesk } from "../../operator/users/desk.js";

export default class UsersResetFingerprint extends BaseCommand {
  static override summary = "Give a user a new fingerprint and print it once; sessions end";
  static override examples = ["<%= config.bin %> users reset-fingerprint alice"];
  static override args = { user: Args.string({ description: "name or id", required: true }) };
  static override flags = {
    ...configFlags,
    "dry-run": Flags.boolean({ description: "find the user, change nothing", default: false }),
  };

  async run(): Promise<Awaited<ReturnType<typeof resetFingerprint>>> {
    const { args, flags } = await this.parse(UsersResetFingerprint);
    const target = { user: args.user, dryRun: flags["dry-run"] };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => resetFingerprint(desk, target));
    if (report.fingerprint !== null) this.print(report.fingerprint);
    this.say(
      report.dry_run
        ? "Dry run: nothing was changed."
        : `The new fingerprint of ${report.username} is not shown again.`,
    );
    return report;
  }
}
