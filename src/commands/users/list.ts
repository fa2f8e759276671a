import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { atDesk } from "../../operator/users/desk.js";
import { listUsers, type UserLine } from "../../operator/users/read-users.js";

export default class UsersList extends BaseCommand {
  static override summary = "List users by name";
  static override examples = [
    "<%= config.bin %> users list",
    "<%= config.bin %> users list --name ali --limit 10 --json",
    "<%= config.bin %> users list --after zoe",
  ];
  static override flags = {
    ...configFlags,
    name: Flags.string({ description: "only names that hold this text", default: "", env: "USERS_NAME" }),
    after: Flags.string({ description: "only names after this one", default: "", env: "USERS_AFTER" }),
    limit: Flags.integer({ description: "users", default: 100, min: 1, max: 1000, env: "USERS_LIMIT" }),
  };

  async run(): Promise<{ users: UserLine[] }> {
    const { flags } = await this.parse(UsersList);
    const page = { part: flags.name, after: flags.after, limit: flags.limit };
    const users = await atDesk(this.contextOf(this.readConfig(flags.config)), (desk) => listUsers(desk, page));
    this.print(
      table(
        ["user", "id", "balance USD", "to spend USD", "permissions"],
        users.map((user) => [
          user.username,
          user.user_id,
          user.balance,
          user.effective_balance,
          user.permissions.join(" "),
        ]),
      ),
    );
    return { users };
  }
}
