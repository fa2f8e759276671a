import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import { allJobs } from "../../jobs/all-jobs.js";
import { openJobSources } from "../../jobs/job-sources.js";

interface ListedJob {
  readonly name: string;
  readonly every_seconds: number;
  readonly critical: boolean;
  readonly summary: string;
}

export default class JobList extends BaseCommand {
  static override summary = "List the scheduled jobs";
  static override examples = ["<%= config.bin %> job list"];
  static override flags = { ...configFlags };

  async run(): Promise<{ jobs: ListedJob[] }> {
    const { flags } = await this.parse(JobList);
    const sources = await openJobSources(this.contextOf(this.readConfig(flags.config)));
    const jobs = allJobs(sources).map((job) => ({
      name: job.name,
      every_seconds: job.everySeconds,
      critical: job.critical,
      summary: job.summary,
    }));
    await sources.close();
    this.print(
      table(
        ["job", "every s", "critical", "what"],
        jobs.map((job) => [job.name, job.every_seconds, job.critical ? "yes" : "", job.summary]),
      ),
    );
    return { jobs };
  }
}
