import pLimit from "p-limit";
import { createHttpClient, type HttpClient } from "../infra/http-client/client.js";
import { AppError, messageOf } from "../kernel/errors.js";
import { CloseStack, type Running, runLoop, sharedSignal } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import { initCrypto, type Keypair } from "../wire/keypair.js";
import { handleBroadcast } from "./broadcasts.js";
import type { Engine } from "./engines/engine.js";
import { Fleet } from "./fleet.js";
import { GpuPool, type MinerGpu } from "./gpus.js";
import { type LaunchDeps, launchInstance } from "./launch.js";
import { registerGpus } from "./node-registration.js";
import { PlatformApi } from "./platform-api.js";
import { openPlatformSocket, type PlatformSocket } from "./platform-socket.js";
import { PortPool, type PortRange } from "./port-pool.js";
import { reconcile } from "./reconcile.js";
import type { MinerChute } from "./records.js";

const CONNECT_TIMEOUT_MS = 5000;
/** A claim may take as long as sealing its key does. */
const CALL_TIMEOUT_MS = 60_000;
const DEFAULT_RECONCILE_MS = 30_000;
const LONGEST_BACKOFF_MS = 15_000;
const DEFAULT_FIRST_WAIT_MS = 5000;
const DEFAULT_DRAIN_MS = 3000;
const FAREWELL_MS = 5000;
const MAX_WAITING_BROADCASTS = 1000;
const LOOPBACK = /^127(\.\d+){3}$/;

export interface MinerOptions {
  /** Base URL of the platform's API. */
  readonly api: string;
  /** URL of the platform's socket host. */
  readonly socket: string;
  readonly validatorHotkey: string;
  readonly keypair: Keypair;
  readonly gpus: readonly MinerGpu[];
  /** Address or name under which the platform reaches this machine. */
  readonly host: string;
  /** Address to listen on; all of them by default, but only the loopback one when that is announced. */
  readonly listenHost?: string;
  /** Ports for instances and their logs, two each; any free ones by default. */
  readonly ports?: PortRange | undefined;
  /** Makes the engine behind each instance. */
  readonly engineFor: (chute: MinerChute) => Engine;
  /** Milliseconds between two reconciliations; the protocol says 15–60 s. */
  readonly reconcileMs?: number;
  /** Milliseconds before a refused launch is tried again; doubles up to five minutes. */
  readonly firstWaitMs?: number;
  /** Milliseconds that a stopping instance waits for running requests. */
  readonly drainMs?: number;
  readonly log: Logger;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

export interface MinerStatus {
  readonly isAuthenticated: boolean;
  /** The GPUs are in the platform's inventory. */
  readonly isRegistered: boolean;
  readonly gpus: { readonly total: number; readonly busy: number };
  readonly instances: readonly MinerInstance[];
  /** What last went wrong in talking to the platform; undefined after a success. */
  readonly problem: string | undefined;
}

interface MinerInstance {
  readonly chuteId: string;
  readonly name: string;
  readonly state: "launching" | "serving";
  /** Known once it serves. */
  readonly instanceId: string | undefined;
  readonly port: number | undefined;
}

export interface Miner extends Running {
  status(): MinerStatus;
}

interface Agent {
  readonly api: PlatformApi;
  readonly pool: GpuPool;
  readonly fleet: Fleet;
  readonly catalog: Map<string, MinerChute>;
  readonly log: Logger;
  isRegistered: boolean;
  problem: string | undefined;
  reconcileSoon(): void;
}

/**
 * Starts an open miner: a pure client of the platform that registers its GPUs, follows its events, and serves one instance of each
 * chute it has GPUs for. Returns at once and keeps trying for ever, also when the platform is not there yet. `close` deletes its
 * instances at the platform, for at most 5 s, before it stops serving them. @see protocol 05 §9
 */
export async function startMiner(options: MinerOptions): Promise<Miner> {
  await initCrypto();
  const stack = new CloseStack();
  const stop = new AbortController();
  const signal = sharedSignal(options.signal, stop.signal);
  const http = createHttpClient({
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    totalTimeoutMs: CALL_TIMEOUT_MS,
    lookupLocalhost: true,
  });
  stack.add(() => http.close());
  const agent = createAgent(options, http, signal);
  stack.add(() => sayFarewell(options, http, agent));
  stack.use(startReconciling(options, agent, signal));
  const socket = stack.use(followEvents(options, agent));
  stack.add(() => stop.abort());
  return { status: () => statusOf(agent, socket), close: () => stack.close() };
}

function createAgent(options: MinerOptions, http: HttpClient, signal: AbortSignal): Agent {
  const { log, now } = options;
  const api = new PlatformApi({ ...options, http, signal });
  const pool = new GpuPool(options.gpus);
  const launchDeps: LaunchDeps = {
    ...options,
    http,
    minerHotkey: options.keypair.address,
    listenHost: options.listenHost ?? (LOOPBACK.test(options.host) ? options.host : "0.0.0.0"),
    ports: new PortPool(options.ports),
    drainMs: options.drainMs ?? DEFAULT_DRAIN_MS,
  };
  const fleet = new Fleet({
    pool,
    log,
    now,
    firstWaitMs: options.firstWaitMs ?? DEFAULT_FIRST_WAIT_MS,
    requestToken: (chuteId) => api.launchConfig(chuteId),
    launch: async (request) => {
      try {
        return await launchInstance(launchDeps, request);
      } catch (error) {
        // The platform may hold half an instance, and with it the GPUs.
        agent.reconcileSoon();
        throw error;
      }
    },
  });
  const agent: Agent = {
    api,
    pool,
    fleet,
    log,
    catalog: new Map(),
    isRegistered: false,
    problem: undefined,
    reconcileSoon: () => undefined,
  };
  return agent;
}

function startReconciling(options: MinerOptions, agent: Agent, signal: AbortSignal): Running {
  const { api, log } = agent;
  const { host, gpus, keypair } = options;
  const pass = async () => {
    try {
      await registerGpus({ api, host, gpus, hotkey: keypair.address, log }, signal);
      agent.isRegistered = true;
      await reconcile(agent);
      agent.problem = undefined;
      agent.fleet.start();
    } catch (error) {
      agent.problem = messageOf(error);
      throw error;
    }
  };
  const oneAtATime = pLimit(1);
  agent.reconcileSoon = () => {
    if (signal.aborted || oneAtATime.pendingCount > 0) return;
    oneAtATime(pass).catch((error: unknown) => reportFailure(agent, error, signal));
  };
  const intervalMs = options.reconcileMs ?? DEFAULT_RECONCILE_MS;
  const loop = { name: "miner-reconcile", signal, log, intervalMs, maxBackoffMs: LONGEST_BACKOFF_MS };
  return runLoop(loop, () => oneAtATime(pass));
}

/** One after the other: a chute's creation must not overtake its deletion. */
function followEvents(options: MinerOptions, agent: Agent): PlatformSocket {
  const { log, now, keypair, signal } = options;
  const inOrder = pLimit(1);
  return openPlatformSocket({
    url: options.socket,
    keypair,
    log,
    now,
    onReady: () => agent.reconcileSoon(),
    onBroadcast: (message) => {
      if (inOrder.pendingCount >= MAX_WAITING_BROADCASTS) {
        log.warn({ waiting: inOrder.pendingCount }, "broadcast dropped: too many wait");
        return;
      }
      inOrder(() => handleBroadcast(agent, message)).catch((error: unknown) => reportFailure(agent, error, signal));
    },
  });
}

function reportFailure({ log }: Agent, error: unknown, signal: AbortSignal): void {
  if (signal.aborted || (error instanceof AppError && error.kind === "aborted")) return;
  log.warn({ err: error }, "the platform did not answer as expected");
}

/** Instances are deleted before they stop, so that nobody is sent to a closed port. */
async function sayFarewell(options: MinerOptions, http: HttpClient, { fleet, log }: Agent): Promise<void> {
  await fleet.halt();
  const api = new PlatformApi({ ...options, http, signal: AbortSignal.timeout(FAREWELL_MS) });
  try {
    const instances = (await api.instances()) ?? [];
    await Promise.all(instances.map((instance) => api.deleteInstance(instance)));
  } catch (error) {
    log.warn({ err: error }, "instances remain at the platform; the next start deletes them");
  }
  await fleet.close();
}

function statusOf({ pool, fleet, isRegistered, problem }: Agent, socket: PlatformSocket): MinerStatus {
  return {
    isAuthenticated: socket.isAuthenticated,
    isRegistered,
    gpus: { total: pool.total, busy: pool.busy },
    instances: fleet.deployments().map(({ chute, instance }) => ({
      chuteId: chute.chuteId,
      name: chute.name,
      state: instance === undefined ? "launching" : "serving",
      instanceId: instance?.instanceId,
      port: instance?.port,
    })),
    problem: problem ?? socket.refusal,
  };
}
