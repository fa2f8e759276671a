import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { AppError } from "../../kernel/errors.js";
import { type RevocationReport, revokeKeys } from "../../operator/keys/keys.js";
import { atDesk } from "../../operator/users/desk.js";

export default class KeysRevoke extends BaseCommand {
  static override summary = "Revoke API keys of a user; running processes refuse them within a second";
  static override examples = [
    "<%= config.bin %> keys revoke alice ci",
    "<%= config.bin %> keys revoke alice --all --dry-run",
  ];
  static override strict = false;
  static override args = {
    user: Args.string({ description: "name or id", required: true }),
    key: Args.string({ description: "ids or names of keys" }),
  };
  static override flags = {
    ...configFlags,
    all: Flags.boolean({ description: "all keys of the user" }),
    "dry-run": Flags.boolean({ description: "show the keys, revoke nothing", default: false }),
  };

  async run(): Promise<RevocationReport> {
    const { args, argv, flags } = await this.parse(KeysRevoke);
    const keys = argv.slice(1).map(String);
    if (flags.all === keys.length > 0)
      throw new AppError("invalid", "name the keys to revoke, or use --all", { fix: "see `keys list`" });
    const what = { keys, all: flags.all, dryRun: flags["dry-run"] };
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await atDesk(ctx, (desk) => revokeKeys(desk, args.user, what));
    for (const key of report.revoked) this.print(`${key.api_key_id} ${key.name}`);
    this.say(`${report.dry_run ? "Would revoke" : "Revoked"} ${report.revoked.length} key(s).`);
    return report;
  }
}
