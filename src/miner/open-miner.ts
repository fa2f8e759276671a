import { createHttpClient } from "../infra/http-client/client.js";
import { CloseStack, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import type { Keypair } from "../wire/keypair.js";
import { type MinerStatus, startMiner } from "./agent.js";
import { createEchoEngine } from "./engines/echo.js";
import { createProxyEngine } from "./engines/proxy.js";
import { simulatedGpus } from "./gpus.js";
import { loadMinerIdentity } from "./identity.js";

export interface OpenMinerOptions {
  readonly api: string;
  readonly socket: string;
  readonly validatorHotkey: string;
  /** The miner's key, or the file that holds it. */
  readonly identity: Keypair | { readonly file: string };
  /** Address under which the platform reaches the instances. */
  readonly host: string;
  /** Short name of the simulated GPUs' model, e.g. `4090`. */
  readonly gpuModel: string;
  readonly gpuCount: number;
  /** OpenAI-compatible server behind the chutes; the built-in engine when undefined. */
  readonly engineUrl: string | undefined;
  /** Names of the chutes that get the server; every chute when undefined. */
  readonly engineChutes?: readonly string[];
  readonly tokensPerSecond: number | undefined;
  readonly log: Logger;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

export interface OpenMiner extends Running {
  readonly hotkey: string;
  status(): MinerStatus;
}

/** An engine may think for a long time before it answers. */
const ENGINE_TIMEOUT_MS = 1_800_000;

/** The open miner with its built-in or a given engine, on GPUs that exist only on paper. */
export async function startOpenMiner(options: OpenMinerOptions): Promise<OpenMiner> {
  const { log, now, signal, engineUrl, tokensPerSecond } = options;
  const stack = new CloseStack();
  try {
    const keypair = "file" in options.identity ? await loadMinerIdentity(options.identity.file) : options.identity;
    const http = createHttpClient({ connectTimeoutMs: 5000, totalTimeoutMs: ENGINE_TIMEOUT_MS, lookupLocalhost: true });
    stack.add(() => http.close());
    const isServed = (name: string) => engineUrl !== undefined && (options.engineChutes?.includes(name) ?? true);
    const miner = stack.use(
      await startMiner({
        api: options.api,
        socket: options.socket,
        validatorHotkey: options.validatorHotkey,
        keypair,
        gpus: simulatedGpus({ owner: keypair.address, model: options.gpuModel, count: options.gpuCount }),
        host: options.host,
        engineFor: ({ name }) =>
          isServed(name)
            ? createProxyEngine({ engineUrl: engineUrl ?? "", model: name, http, now })
            : createEchoEngine({ model: name, tokensPerSecond, now }),
        log,
        now,
        signal,
      }),
    );
    return { hotkey: keypair.address, status: () => miner.status(), close: () => stack.close() };
  } catch (error) {
    await stack.close();
    throw error;
  }
}
