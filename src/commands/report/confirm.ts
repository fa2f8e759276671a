import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { confirmReport } from "../../operator/reports/confirm-report.js";

export default class ReportConfirm extends BaseCommand {
  static override summary = "Confirm a report of a bad answer, which takes the call out of scoring";
  static override examples = [
    "<%= config.bin %> report confirm 2f1c4d0e-7b1e-4a35-9d1f-0c1f2b3a4d5e",
    "<%= config.bin %> report confirm 2f1c4d0e-7b1e-4a35-9d1f-0c1f2b3a4d5e --json",
  ];
  static override args = {
    invocation: Args.string({ description: "X-Chutes-InvocationID of the reported call", required: true }),
  };
  static override flags = {
    ...configFlags,
    "dry-run": Flags.boolean({ description: "look it up, confirm nothing", default: false }),
  };

  async run(): Promise<{ invocation_id: string; changed: boolean; dry_run: boolean }> {
    const { args, flags } = await this.parse(ReportConfirm);
    const { invocation: invocationId } = args;
    const dryRun = flags["dry-run"];
    const ctx = this.contextOf(this.readConfig(flags.config));
    const isOpen = await confirmReport(ctx, { invocationId, dryRun });
    const done = dryRun ? "The report would be confirmed." : "The report is confirmed.";
    this.say(isOpen ? done : "The report was confirmed before.");
    return { invocation_id: invocationId, changed: isOpen && !dryRun, dry_run: dryRun };
  }
}
