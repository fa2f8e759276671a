import { Args } from "@oclif/core";
import { BaseCommand, configFlags } from "../cli/base-command.js";
import { AppError } from "../kernel/errors.js";
import { untilAborted } from "../kernel/lifecycle.js";
import { isServiceName, SERVICES } from "../services/registry.js";

export default class Serve extends BaseCommand {
  static override summary = "Run one service of the platform until it is told to stop";
  static override examples = [
    "<%= config.bin %> serve api --config validator.yaml",
    "POSTGRES_URL=… REDIS_URL=… <%= config.bin %> serve worker",
  ];
  static override args = {
    service: Args.string({
      description: `one of ${Object.keys(SERVICES).join(", ")}`,
      required: true,
      options: Object.keys(SERVICES),
    }),
  };
  static override flags = { ...configFlags };

  async run(): Promise<{ service: string; stopped: true }> {
    const { args, flags } = await this.parse(Serve);
    if (!isServiceName(args.service)) throw new AppError("invalid", `there is no service ${args.service}`);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const start = await SERVICES[args.service]();
    const running = await start(ctx);
    ctx.log.info({ service: args.service, port: running.port }, "service ready");
    await untilAborted(ctx.signal);
    await running.close();
    ctx.log.info({ service: args.service }, "service stopped");
    return { service: args.service, stopped: true };
  }
}
