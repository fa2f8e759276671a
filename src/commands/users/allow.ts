import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { allowHotkey } from "../../operator/users/change-user.js";
import { atDesk } from "../../operator/users/desk.js";

export default class UsersAllow extends BaseCommand {
  static override summary = "Let a hotkey register while REGISTRATION_MODE is allowlist";
  static override examples = ["<%= config.bin %> users allow 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"];
  static override args = { hotkey: Args.string({ description: "ss58 address", required: true }) };
  static override flags = {
    ...configFlags,
    "dry-run": Flags.boolean({ description: "check the address, change nothing", default: false }),
  };

  async run(): Promise<Awaited<ReturnType<typeof allowHotkey>>> {
    const { args, flags } = await this.parse(UsersAllow);
    const wanted = { hotkey: args.hotkey, dryRun: flags["dry-run"] };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => allowHotkey(desk, wanted));
    if (report.dry_run) this.say("Dry run: nothing was changed.");
    else this.say(report.added ? "The hotkey may register." : "The hotkey was on the list already.");
    return report;
  }
}
