import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { untilAborted } from "../../kernel/lifecycle.js";
import { startStandaloneChain } from "../../local/standalone-chain.js";

export default class DevChain extends BaseCommand {
  static override summary = "Run the local chain alone, for services that run in their own processes";
  static override examples = [
    "POSTGRES_URL=… <%= config.bin %> dev chain --port 9944 --validator 5F… --miner 5G… --miner 5H…",
  ];
  static override flags = {
    ...configFlags,
    port: Flags.integer({ description: "port to listen on; 0 takes a free one", default: 9944, min: 0, max: 65_535 }),
    validator: Flags.string({ description: "hotkey to register with stake and permit", helpValue: "SS58" }),
    miner: Flags.string({
      description: "hotkey to register as a miner",
      helpValue: "SS58",
      multiple: true,
      default: [],
    }),
  };

  async run(): Promise<{ stopped: true }> {
    const { flags } = await this.parse(DevChain);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const chain = await startStandaloneChain(ctx, {
      port: flags.port,
      validator: flags.validator,
      miners: flags.miner,
    });
    this.say(`The local chain answers at ${chain.url}`);
    await untilAborted(ctx.signal);
    await chain.close();
    return { stopped: true };
  }
}
