import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { openJobSources } from "../../jobs/job-sources.js";
import { runHistory } from "../../jobs/run-history.js";

interface HistoryLine {
  readonly run_id: string;
  readonly job: string;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly status: string;
  readonly items: number;
  readonly error: string | null;
}

export default class JobHistory extends BaseCommand {
  static override summary = "Show what jobs did lately";
  static override examples = [
    "<%= config.bin %> job history",
    "<%= config.bin %> job history audit-export --limit 5 --json",
  ];
  static override args = { job: Args.string({ description: "only this job" }) };
  static override flags = {
    ...configFlags,
    limit: Flags.integer({ description: "newest runs", default: 20, min: 1, max: 1000 }),
  };

  async run(): Promise<{ runs: HistoryLine[] }> {
    const { args, flags } = await this.parse(JobHistory);
    const sources = await openJobSources(this.contextOf(this.readConfig(flags.config)));
    try {
      const rows = await runHistory(sources.db, { job: args.job, limit: flags.limit });
      const runs = rows.map((row) => ({
        run_id: String(row.runId),
        job: row.job,
        started_at: row.startedAt.toISOString(),
        finished_at: row.finishedAt?.toISOString() ?? null,
        status: row.status,
        items: row.items,
        error: row.error,
      }));
      this.print(
        table(
          ["run", "job", "started", "status", "items", "error"],
          runs.map((run) => [run.run_id, run.job, run.started_at, run.status, run.items, run.error ?? ""]),
        ),
      );
      return { runs };
    } finally {
      await sources.close();
    }
  }
}
