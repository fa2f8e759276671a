import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { parseDate } from "../../cli/parse-date.js";
import { auditExportJob, plannedExports } from "../../jobs/audit-export/audit-export-job.js";
import { runJobOnce } from "../../jobs/job-runner.js";
import { openJobSources } from "../../jobs/job-sources.js";

interface ExportOutcome {
  readonly dry_run: boolean;
  readonly hours: readonly string[];
}

export default class ExportInvocations extends BaseCommand {
  static override summary = "Export every hour that is over and missing: files, report, commitment, index";
  static override examples = [
    "<%= config.bin %> export invocations",
    "<%= config.bin %> export invocations --from 2026-01-07T00:00:00Z --dry-run",
  ];
  static override flags = {
    ...configFlags,
    from: Flags.string({ description: "first hour, when nothing was exported yet", helpValue: "ISO" }),
    to: Flags.string({ description: "do not go beyond this time", helpValue: "ISO" }),
    "close-now": Flags.boolean({
      description: "also export the running hour up to now; its own export supersedes it later",
    }),
    "dry-run": Flags.boolean({ description: "list the hours, write nothing" }),
  };

  async run(): Promise<ExportOutcome> {
    const { flags } = await this.parse(ExportInvocations);
    const sources = await openJobSources(this.contextOf(this.readConfig(flags.config)));
    try {
      const range = {
        from: flags.from === undefined ? undefined : parseDate(flags.from, "from"),
        to: flags.to === undefined ? undefined : parseDate(flags.to, "to"),
        closeNow: flags["close-now"],
      };
      const plans = await plannedExports(sources, sources.runner.now(), range);
      if (!flags["dry-run"]) await runJobOnce(sources.runner, auditExportJob(sources, range));
      for (const plan of plans) this.print(plan.end.toISOString());
      this.say(`${flags["dry-run"] ? "Would export" : "Exported"} ${plans.length} hour(s).`);
      return { dry_run: flags["dry-run"], hours: plans.map((plan) => plan.end.toISOString()) };
    } finally {
      await sources.close();
    }
  }
}
