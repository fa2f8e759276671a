import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { type CreatedUser, createUser } from "../../operator/users/create-user.js";
import { atDesk } from "../../operator/users/desk.js";
import { ADMINISTRATOR, bitsOf } from "../../operator/users/permission-flags.js";

export default class UsersCreate extends BaseCommand {
  static override summary = "Create a user, also the first administrator";
  static override description =
    "The fingerprint, and the key that --key makes, are printed on stdout once and stored nowhere in clear.";
  static override examples = [
    "<%= config.bin %> users create boss --admin --key console",
    "<%= config.bin %> users create alice --hotkey 5Grw… --grant developer --grant public_model_deployment",
    "<%= config.bin %> users create alice --dry-run",
  ];
  static override args = { username: Args.string({ description: "3 to 15 characters", required: true }) };
  static override flags = {
    ...configFlags,
    hotkey: Flags.string({ description: "key that will sign", helpValue: "SS58", env: "USER_HOTKEY" }),
    coldkey: Flags.string({ description: "default the payment address", helpValue: "SS58", env: "USER_COLDKEY" }),
    grant: Flags.string({ description: "permission to begin with", multiple: true, helpValue: "NAME" }),
    admin: Flags.boolean({ description: `the permissions ${ADMINISTRATOR.join(", ")}` }),
    key: Flags.string({ description: "make an admin API key of this name", helpValue: "NAME" }),
    "dry-run": Flags.boolean({ description: "check, create nothing", default: false }),
  };

  async run(): Promise<CreatedUser> {
    const { args, flags } = await this.parse(UsersCreate);
    const wanted = {
      username: args.username,
      hotkey: flags.hotkey ?? null,
      coldkey: flags.coldkey ?? null,
      permissions: bitsOf([...(flags.grant ?? []), ...(flags.admin ? ADMINISTRATOR : [])]),
      keyName: flags.key,
      dryRun: flags["dry-run"],
    };
    const created = await atDesk(this.contextOf(this.readConfig(flags.config)), (desk) => createUser(desk, wanted));
    const rows = Object.entries(created).map(([key, value]) => [key, String(value ?? "-")]);
    this.print(table(["what", "value"], rows));
    this.say(created.dry_run ? "Dry run: nothing was created." : "Keep the fingerprint: it is not shown again.");
    return created;
  }
}
