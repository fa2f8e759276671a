import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { type KeyLine, listKeys } from "../../operator/keys/keys.js";
import { atDesk } from "../../operator/users/desk.js";

export default class KeysList extends BaseCommand {
  static override summary = "List the API keys of a user, without their secrets";
  static override examples = ["<%= config.bin %> keys list alice", "<%= config.bin %> keys list alice --json"];
  static override args = { user: Args.string({ description: "name or id", required: true }) };
  static override flags = {
    ...configFlags,
    limit: Flags.integer({ description: "newest keys", default: 100, min: 1, max: 1000, env: "KEYS_LIMIT" }),
  };

  async run(): Promise<{ keys: KeyLine[] }> {
    const { args, flags } = await this.parse(KeysList);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const keys = await atDesk(ctx, (desk) => listKeys(desk, args.user, flags.limit));
    this.print(
      table(
        ["key", "name", "admin", "scopes", "created", "last used"],
        keys.map((key) => [
          key.api_key_id,
          key.name,
          key.admin ? "yes" : "",
          key.scopes,
          key.created_at,
          key.last_used_at ?? "",
        ]),
      ),
    );
    return { keys };
  }
}
