import { existsSync } from "node:fs";
import { join } from "node:path";
import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { devFlags, platformOptions } from "../../cli/dev-flags.js";
import { runSteps } from "../../cli/task-list.js";
import { AppError } from "../../kernel/errors.js";
import { sharedSignal } from "../../kernel/lifecycle.js";
import { createLogger } from "../../kernel/logger.js";
import { PLATFORM_STEPS } from "../../local/platform.js";
import { newPlatformState } from "../../local/platform-state.js";
import { openTour, TOUR_STEPS } from "../../local/tour/tour.js";

interface StepTime {
  readonly step: string;
  readonly seconds: number;
}

interface TourReport {
  readonly steps: readonly StepTime[];
  readonly facts: Record<string, unknown>;
}

export default class DevTour extends BaseCommand {
  static override summary = "Walk through the main job of a running platform and check every step";
  static override examples = [
    "<%= config.bin %> dev tour",
    "<%= config.bin %> dev tour --ephemeral",
    "<%= config.bin %> dev tour --config platform.yaml --json",
  ];
  static override flags = {
    ...configFlags,
    "data-dir": devFlags["data-dir"],
    "log-level": devFlags["log-level"],
    miners: devFlags.miners,
    ephemeral: Flags.boolean({
      description: "start a platform of its own for the tour, and stop it",
      exclusive: ["config"],
    }),
  };

  async run(): Promise<TourReport> {
    const { flags } = await this.parse(DevTour);
    if (flags.ephemeral) return this.onOwnPlatform(flags);
    const file = flags.config ?? join(flags["data-dir"], "config.yaml");
    if (!existsSync(file)) {
      throw new AppError("not_found", `there is no platform in ${flags["data-dir"]}`, {
        code: "DEV006",
        fix: "start one with `chutes-validator dev`, or use --ephemeral",
      });
    }
    return this.walk(this.contextOf(this.readConfig(file, { log: { level: flags["log-level"] } })));
  }

  private async onOwnPlatform(flags: { miners: number; "log-level": string }): Promise<TourReport> {
    const log = createLogger({ level: flags["log-level"], secrets: [] });
    const lost = new AbortController();
    const signal = sharedSignal(this.signal, lost.signal);
    const settings = { host: "127.0.0.1", port: 0, miners: flags.miners, "log-level": flags["log-level"] };
    const options = platformOptions(settings, {
      log,
      signal,
      searchPath: this.searchPath(),
      dataDir: undefined,
      onLost: (error: AppError) => lost.abort(error),
    });
    const state = newPlatformState(options);
    try {
      await runSteps(PLATFORM_STEPS, state, { style: this.progressStyle() });
      if (state.ctx === undefined) throw new AppError("unavailable", "the platform did not start");
      return await this.walk(state.ctx);
    } finally {
      await state.stack.close();
    }
  }

  private async walk(ctx: Parameters<typeof openTour>[0]): Promise<TourReport> {
    const tour = await openTour(ctx);
    const times: StepTime[] = [];
    const timed = TOUR_STEPS.map((step) => ({
      ...step,
      run: async (state: typeof tour, note: (text: string) => void) => {
        const started = performance.now();
        await step.run(state, note);
        times.push({ step: step.title, seconds: Math.round(performance.now() - started) / 1000 });
      },
    }));
    const started = performance.now();
    try {
      await runSteps(timed, tour, { style: this.progressStyle() });
      this.say(`The tour held in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
      return { steps: times, facts: tour.facts };
    } finally {
      await tour.close();
    }
  }
}
