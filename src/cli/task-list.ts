import { Listr } from "listr2";
import type { Step } from "../kernel/step.js";

export interface StepListOptions {
  /** Redrawing list on a terminal; plain lines elsewhere; nothing under --json. */
  readonly style: "live" | "plain" | "silent";
}

/** Runs steps in order, showing each with its time; the first failure stops the list and is thrown. */
export async function runSteps<State extends object>(
  steps: readonly Step<State>[],
  state: State,
  options: StepListOptions,
): Promise<State> {
  if (options.style !== "live") return runPlainly(steps, state, options.style);
  const list = new Listr<State>(
    steps.map((step) => ({
      title: step.title,
      task: async (context, task) => {
        const started = performance.now();
        await step.run(context, (text) => {
          task.output = text;
        });
        task.title = `${step.title} (${seconds(started)})`;
      },
    })),
    { concurrent: false, exitOnError: true, rendererOptions: { collapseErrors: false } },
  );
  return list.run(state);
}

async function runPlainly<State extends object>(
  steps: readonly Step<State>[],
  state: State,
  style: "plain" | "silent",
): Promise<State> {
  for (const step of steps) {
    const started = performance.now();
    await step.run(state, () => undefined);
    if (style === "plain") process.stderr.write(`✔ ${step.title} (${seconds(started)})\n`);
  }
  return state;
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
