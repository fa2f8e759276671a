import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { withWallets } from "../../operator/wallets/open-wallets.js";
import { verifyWallets, type WalletReport } from "../../operator/wallets/verify-wallets.js";

const CHECKS_FAILED = 3;

export default class WalletsVerify extends BaseCommand {
  static override summary = "Decrypt every wallet and secret, and derive the wallets' addresses anew";
  static override description =
    "Nothing is written, and nothing that was decrypted is shown. Exit code 3 when something does not fit the keys.";
  static override examples = ["<%= config.bin %> wallets verify", "<%= config.bin %> wallets verify --json"];
  static override flags = { ...configFlags };

  async run(): Promise<WalletReport> {
    const { flags } = await this.parse(WalletsVerify);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const report = await withWallets(ctx, (db, keys) => verifyWallets(db, keys, ctx.signal));
    if (report.problems.length > 0) {
      const rows = report.problems.map(({ column, id, problem }) => [column, id, problem]);
      this.print(table(["what", "id", "problem"], rows));
      this.finishWith(CHECKS_FAILED);
    }
    this.say(`${report.checked} value(s) checked, ${report.problems.length} with a problem.`);
    return report;
  }
}
