import { createHttpClient, type HttpClient } from "../infra/http-client/client.js";
import { openRedis } from "../infra/redis/client.js";
import { apiUrl, hostUrl } from "../kernel/config/api-url.js";
import { AppError } from "../kernel/errors.js";
import { pause } from "../kernel/lifecycle.js";
import { type OpenMiner, startOpenMiner } from "../miner/open-miner.js";
import { chuteIdOf } from "../wire/ids.js";
import { keypairFromSeed } from "../wire/keypair.js";
import { made, type PlatformState } from "./platform-state.js";
import { DEMO_CHUTE } from "./seed.js";

const GPU_MODEL = "4090";
/** One for the demo chute, the rest for what the newcomer deploys. */
const GPUS_PER_MINER = 4;
const HOT_TIMEOUT_MS = 60_000;

/** Starts the open miners; they know the platform only by its URLs. */
export async function startMiners(state: PlatformState): Promise<void> {
  const { options } = state;
  const config = made(state.config, "the configuration");
  await allowDemoInstances(state);
  const seeds = made(state.credentials, "the credentials").minerSeeds.slice(0, options.miners);
  const miners = await Promise.all(
    seeds.map((seed) =>
      startOpenMiner({
        api: apiUrl(config),
        socket: hostUrl(config, "socket"),
        validatorHotkey: config.validator.ss58,
        identity: keypairFromSeed(seed),
        host: "127.0.0.1",
        gpuModel: GPU_MODEL,
        gpuCount: GPUS_PER_MINER,
        engineUrl: options.engineUrl,
        engineChutes: [DEMO_CHUTE.name],
        tokensPerSecond: options.tokensPerSecond,
        log: options.log,
        now: options.now,
        signal: options.signal,
      }),
    ),
  );
  state.miners = miners;
  // Together: each says goodbye to its instances, which takes a moment.
  state.stack.add(() => Promise.all(miners.map((miner: OpenMiner) => miner.close())));
}

/**
 * Waits until every miner serves the demo chute and the platform knows of these instances alone, so that the first request and a
 * failover both work: after a kill the platform still lists instances that died, until their miner has removed them.
 */
export async function waitUntilDemoIsHot(state: PlatformState, note: (text: string) => void): Promise<void> {
  const { signal } = state.options;
  const miners = made(state.miners, "the miners");
  const config = made(state.config, "the configuration");
  const url = `${apiUrl(config)}/chutes/${chuteIdOf(config.platformUsername, DEMO_CHUTE.name)}`;
  const http = createHttpClient({ connectTimeoutMs: 5000, totalTimeoutMs: 10_000, lookupLocalhost: true });
  const deadline = performance.now() + HOT_TIMEOUT_MS;
  try {
    for (;;) {
      const serving = miners.flatMap((miner) => demoInstances(miner));
      const active = await activeInstances(http, url);
      note(`${serving.length} of ${miners.length}`);
      if (serving.length === miners.length && sameIds(serving, active)) return;
      if (performance.now() > deadline) {
        throw new AppError("unavailable", `only ${serving.length} of ${miners.length} miners serve the demo chute`);
      }
      signal.throwIfAborted();
      await pause(100, signal);
    }
  } finally {
    await http.close();
  }
}

function demoInstances(miner: OpenMiner): string[] {
  const instances = miner
    .status()
    .instances.filter(({ name, state }) => name === DEMO_CHUTE.name && state === "serving");
  return instances.map(({ instanceId }) => instanceId ?? "");
}

async function activeInstances(http: HttpClient, url: string): Promise<string[]> {
  const { body } = await http.requestJson(url);
  const { instances = [] } = body as { instances?: { instance_id: string; active: boolean }[] };
  return instances.filter(({ active }) => active).map(({ instance_id }) => instance_id);
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

/** The capacity rule lets as many instances of the demo chute in as there are miners. @see protocol 05 §6.8 */
async function allowDemoInstances(state: PlatformState): Promise<void> {
  const config = made(state.config, "the configuration");
  const redis = openRedis(config.redis.url, state.options.log);
  try {
    await redis.set(`scale:${chuteIdOf(config.platformUsername, DEMO_CHUTE.name)}`, String(state.options.miners));
  } finally {
    redis.disconnect();
  }
}
