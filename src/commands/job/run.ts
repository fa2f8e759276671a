import { Args } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { allJobs } from "../../jobs/all-jobs.js";
import { runJobOnce } from "../../jobs/job-runner.js";
import { openJobSources } from "../../jobs/job-sources.js";
import { AppError } from "../../kernel/errors.js";

export default class JobRun extends BaseCommand {
  static override summary = "Run one scheduled job now";
  static override examples = ["<%= config.bin %> job run metasync", "<%= config.bin %> job run scores --json"];
  static override args = { job: Args.string({ description: "name, as `job list` shows it", required: true }) };
  static override flags = { ...configFlags };

  async run(): Promise<{ job: string; items: number; details: unknown }> {
    const { args, flags } = await this.parse(JobRun);
    const sources = await openJobSources(this.contextOf(this.readConfig(flags.config)));
    try {
      const jobs = allJobs(sources);
      const job = jobs.find((candidate) => candidate.name === args.job);
      if (job === undefined) {
        throw new AppError("invalid", `there is no job ${args.job}`, {
          fix: `one of ${jobs.map(({ name }) => name).join(", ")}`,
        });
      }
      const result = await runJobOnce(sources.runner, job);
      this.say(`${job.name}: ${result.items} item(s)`);
      return { job: job.name, items: result.items, details: result.details ?? {} };
    } finally {
      await sources.close();
    }
  }
}
