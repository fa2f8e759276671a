import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { registrationToken } from "../../operator/users/change-user.js";
import { atDesk } from "../../operator/users/desk.js";

export default class UsersToken extends BaseCommand {
  static override summary = "Make a token with which one account can register while REGISTRATION_MODE is token";
  static override examples = ["<%= config.bin %> users token", "<%= config.bin %> users token --json"];
  static override flags = { ...configFlags };

  async run(): Promise<Awaited<ReturnType<typeof registrationToken>>> {
    const { flags } = await this.parse(UsersToken);
    const made = await atDesk(this.contextOf(this.readConfig(flags.config)), registrationToken);
    this.print(made.token);
    this.say(`Valid for ${made.expires_in} s, once.`);
    return made;
  }
}
