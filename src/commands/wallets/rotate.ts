import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { newWalletKeys } from "../../operator/wallets/new-keys.js";
import { withWallets } from "../../operator/wallets/open-wallets.js";
import { type RotationReport, rotateWallets } from "../../operator/wallets/rotate-wallets.js";

const CHECKS_FAILED = 3;

export default class WalletsRotate extends BaseCommand {
  static override summary = "Encrypt every wallet and secret with new keys";
  static override description = [
    "Stop the api first, run this with the old keys configured, then start the api with the new ones.",
    "A run that was interrupted is started again: rows that have the new keys are left alone.",
    "Keys come from the environment or from files, never from the command line. Exit code 3 when rows were left behind.",
  ].join("\n");
  static override examples = [
    "NEW_WALLET_KEY=… NEW_PG_ENCRYPTION_KEY=… <%= config.bin %> wallets rotate --dry-run",
    "<%= config.bin %> wallets rotate --new-wallet-key-file /run/keys/wallet --new-pg-key-file /run/keys/pg",
  ];
  static override flags = {
    ...configFlags,
    "new-wallet-key-env": Flags.string({ description: "variable with the new WALLET_KEY", default: "NEW_WALLET_KEY" }),
    "new-pg-key-env": Flags.string({
      description: "variable with the new PG_ENCRYPTION_KEY",
      default: "NEW_PG_ENCRYPTION_KEY",
    }),
    "new-wallet-key-file": Flags.string({ description: "file with the new WALLET_KEY", helpValue: "FILE" }),
    "new-pg-key-file": Flags.string({ description: "file with the new PG_ENCRYPTION_KEY", helpValue: "FILE" }),
    "dry-run": Flags.boolean({ description: "count what would be rotated, write nothing", default: false }),
  };

  async run(): Promise<RotationReport & { dry_run: boolean }> {
    const { flags } = await this.parse(WalletsRotate);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const dryRun = flags["dry-run"];
    const source = (name: string, file: string | undefined) => ({ name, value: this.environmentValue(name), file });
    const report = await withWallets(ctx, async (db, from) => {
      const to = await newWalletKeys(from, {
        walletKey: source(flags["new-wallet-key-env"], flags["new-wallet-key-file"]),
        pgKey: source(flags["new-pg-key-env"], flags["new-pg-key-file"]),
      });
      return rotateWallets(db, { from, to, dryRun, signal: ctx.signal });
    });
    if (report.problems.length > 0) {
      const rows = report.problems.map(({ column, id, problem }) => [column, id, problem]);
      this.print(table(["what", "id", "problem"], rows));
      this.finishWith(CHECKS_FAILED);
    }
    const verb = dryRun ? "would be rotated" : "rotated";
    this.say(
      `${report.rotated} value(s) ${verb}, ${report.done} had the new keys, ${report.problems.length} problem(s).`,
    );
    return { ...report, dry_run: dryRun };
  }
}
