import { Args } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { atDesk } from "../../operator/users/desk.js";
import { showUser, type UserCard } from "../../operator/users/read-users.js";

export default class UsersShow extends BaseCommand {
  static override summary = "Show a user with everything that is set for them";
  static override examples = ["<%= config.bin %> users show alice", "<%= config.bin %> users show alice --json"];
  static override args = { user: Args.string({ description: "name or id", required: true }) };
  static override flags = { ...configFlags };

  async run(): Promise<UserCard> {
    const { args, flags } = await this.parse(UsersShow);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const card = await atDesk(ctx, (desk) => showUser(desk, args.user));
    const rows = Object.entries(card).map(([key, value]) => [key, textOf(value)]);
    this.print(table(["what", "value"], rows));
    return card;
  }
}

function textOf(value: unknown): string {
  if (value === null) return "-";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
