import { Flags } from "@oclif/core";
import { BaseCommand } from "../../cli/base-command.js";
import { devFlags, platformOptions } from "../../cli/dev-flags.js";
import { runSteps } from "../../cli/task-list.js";
import { AppError } from "../../kernel/errors.js";
import { sharedSignal, untilAborted } from "../../kernel/lifecycle.js";
import { createLogger } from "../../kernel/logger.js";
import { PLATFORM_STEPS } from "../../local/platform.js";
import { newPlatformState } from "../../local/platform-state.js";
import { readiness, readinessText } from "../../local/readiness.js";

export default class Dev extends BaseCommand {
  static override summary = "Run the whole validator platform on this machine";
  static override description =
    "Postgres, Redis, a local chain, every service, an open miner and a demo chute in one process. Ctrl-C stops all of it; the next start continues with the same data.";
  static override examples = [
    "<%= config.bin %> dev",
    "<%= config.bin %> dev --ephemeral --port 0 --json",
    "<%= config.bin %> dev --engine-url http://127.0.0.1:11434 --miners 2",
  ];
  static override flags = {
    ...devFlags,
    ephemeral: Flags.boolean({ description: "use a temporary data directory", exclusive: ["data-dir"] }),
  };

  async run(): Promise<undefined> {
    const { flags } = await this.parse(Dev);
    const log = createLogger({ level: flags["log-level"], secrets: [] });
    const lost = new AbortController();
    const signal = sharedSignal(this.signal, lost.signal);
    const options = platformOptions(flags, {
      log,
      signal,
      onLost: (error: AppError) => lost.abort(error),
      searchPath: this.searchPath(),
    });
    const state = newPlatformState({ ...options, dataDir: flags.ephemeral ? undefined : flags["data-dir"] });
    try {
      await runSteps(PLATFORM_STEPS, state, { style: this.progressStyle() });
      if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(readiness(state))}\n`);
      else this.print(readinessText(state, this.programName()));
      await untilAborted(signal);
      this.say("Stopping…");
    } finally {
      await state.stack.close();
    }
    const reason: unknown = lost.signal.reason;
    if (reason instanceof AppError) throw reason;
    return undefined;
  }
}
