import { Flags } from "@oclif/core";
import { BaseCommand } from "../../cli/base-command.js";
import { untilAborted } from "../../kernel/lifecycle.js";
import { createLogger } from "../../kernel/logger.js";
import { startOpenMiner } from "../../miner/open-miner.js";

export default class DevMiner extends BaseCommand {
  static override summary = "Run the open miner against a platform that does not verify GPUs";
  static override examples = [
    "<%= config.bin %> dev miner --api http://localhost:8000 --socket http://socket.localhost:8000 --validator 5F…",
    "<%= config.bin %> dev miner --api … --socket … --validator 5F… --engine-url http://127.0.0.1:11434",
  ];
  static override flags = {
    api: Flags.string({ description: "URL of the validator's API", required: true, env: "MINER_API" }),
    socket: Flags.string({ description: "URL of the validator's miner socket", required: true, env: "MINER_SOCKET" }),
    validator: Flags.string({
      description: "validator hotkey",
      required: true,
      helpValue: "SS58",
      env: "MINER_VALIDATOR",
    }),
    identity: Flags.string({
      description: "file with the miner's seed; made when missing, mode 0600",
      default: "miner.json",
      env: "MINER_IDENTITY",
    }),
    host: Flags.string({
      description: "address at which the validator reaches the instances",
      default: "127.0.0.1",
      env: "MINER_HOST",
    }),
    gpu: Flags.string({ description: "model of the simulated GPUs", default: "4090" }),
    gpus: Flags.integer({ description: "number of simulated GPUs", default: 4, min: 1, max: 10 }),
    "engine-url": Flags.string({
      description: "OpenAI-compatible server instead of the built-in engine",
      env: "CHUTES_ENGINE_URL",
      helpValue: "URL",
    }),
    "tokens-per-second": Flags.integer({
      description: "speed of the built-in engine; default as fast as possible",
      min: 1,
    }),
    "log-level": Flags.string({
      description: "lowest level that is logged",
      default: "info",
      env: "LOG_LEVEL",
      options: ["trace", "debug", "info", "warn", "error", "silent"],
    }),
  };

  async run(): Promise<{ stopped: true }> {
    const { flags } = await this.parse(DevMiner);
    const log = createLogger({ level: flags["log-level"], secrets: [] });
    const miner = await startOpenMiner({
      api: flags.api,
      socket: flags.socket,
      validatorHotkey: flags.validator,
      identity: { file: flags.identity },
      host: flags.host,
      gpuModel: flags.gpu,
      gpuCount: flags.gpus,
      engineUrl: flags["engine-url"],
      tokensPerSecond: flags["tokens-per-second"],
      log,
      now: () => new Date(),
      signal: this.signal,
    });
    this.say(`The miner ${miner.hotkey} is running.`);
    await untilAborted(this.signal);
    await miner.close();
    return { stopped: true };
  }
}
