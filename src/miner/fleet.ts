import { AppError } from "../kernel/errors.js";
import { pause, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import type { GpuPool, MinerGpu } from "./gpus.js";
import type { LaunchedInstance, LaunchRequest } from "./launch.js";
import type { MinerChute } from "./records.js";
import { WishList } from "./wish-list.js";

/** Longest sleep of the launcher when nothing is due. */
const IDLE_MS = 60_000;

/** One instance of this miner, launching or serving. */
export interface Deployment {
  readonly chute: MinerChute;
  readonly gpus: readonly MinerGpu[];
  readonly configId: string;
  /** Absent while it launches. */
  readonly instance?: LaunchedInstance;
}

export interface FleetDeps {
  readonly pool: GpuPool;
  requestToken(chuteId: string): Promise<{ token: string; configId: string }>;
  launch(request: LaunchRequest): Promise<LaunchedInstance>;
  readonly firstWaitMs: number;
  readonly log: Logger;
  readonly now: () => Date;
}

/**
 * The instances this miner runs: at most one of each chute, launched one after the other on free GPUs. Refused launches come
 * back later (`WishList`); a chute without free GPUs simply waits for some. It never evicts one chute for another.
 */
export class Fleet implements Running {
  readonly #deps: FleetDeps;
  readonly #wishes: WishList;
  readonly #deployments = new Map<string, Deployment>();
  readonly #stop = new AbortController();
  /** Ends the launch in progress when its chute is no longer wanted. */
  #current: { chuteId: string; cancel: AbortController } | undefined;
  #wake = new AbortController();
  #launcher: Promise<void> | undefined;

  constructor(deps: FleetDeps) {
    this.#deps = deps;
    this.#wishes = new WishList(deps.firstWaitMs);
  }

  /** Begins to launch what is wanted; later calls change nothing. */
  start(): void {
    this.#launcher ??= this.#launchLoop();
  }

  /** Wants one instance of the chute here. Urgent: earlier refusals no longer count. */
  want(chute: MinerChute, options: { urgent: boolean } = { urgent: false }): void {
    if (this.#deployments.has(chute.chuteId)) return;
    if (chute.obstacle !== undefined) {
      this.#deps.log.debug({ chuteId: chute.chuteId, obstacle: chute.obstacle }, "chute cannot run here");
      return;
    }
    this.#wishes.add(chute, options.urgent);
    this.#wake.abort();
  }

  /** Wants one instance of each of these that can run here, and of no other. */
  wantOnly(chutes: readonly MinerChute[]): void {
    const runnable = chutes.filter(({ obstacle }) => obstacle === undefined);
    this.#wishes.retain(new Set(runnable.map(({ chuteId }) => chuteId)));
    for (const chute of runnable) this.want(chute);
  }

  /** Stops the chute's instance here, if any, and no longer wants one. */
  async remove(chuteId: string): Promise<void> {
    this.#wishes.delete(chuteId);
    if (this.#current?.chuteId === chuteId) this.#current.cancel.abort();
    const deployment = this.#deployments.get(chuteId);
    if (deployment?.instance === undefined) return;
    this.#forget(deployment);
    await deployment.instance.close();
  }

  deployments(): Deployment[] {
    return [...this.#deployments.values()];
  }

  /** The deployment with this instance or launch config. */
  find(ids: { instanceId?: string; configId?: string | null }): Deployment | undefined {
    return this.deployments().find(
      ({ instance, configId }) =>
        configId === ids.configId || (instance !== undefined && instance.instanceId === ids.instanceId),
    );
  }

  /** Ends launching; what serves goes on serving. */
  async halt(): Promise<void> {
    this.#stop.abort();
    this.#current?.cancel.abort();
    await this.#launcher;
  }

  async close(): Promise<void> {
    await this.halt();
    await Promise.all(this.deployments().map(({ chute }) => this.remove(chute.chuteId)));
  }

  async #launchLoop(): Promise<void> {
    const { now } = this.#deps;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      const next = this.#nextLaunch();
      if (next !== undefined) await this.#attempt(next);
      else {
        const waitMs = Math.min(this.#wishes.nextDueMs(now()) ?? IDLE_MS, IDLE_MS);
        await pause(waitMs, AbortSignal.any([this.#stop.signal, this.#wake.signal]));
      }
    }
  }

  /** The first due wish that free GPUs satisfy, with those GPUs taken. */
  #nextLaunch(): { chute: MinerChute; gpus: MinerGpu[] } | undefined {
    for (const chute of this.#wishes.due(this.#deps.now())) {
      const gpus = this.#deps.pool.take(chute.gpuCount, chute.supportedGpus);
      if (gpus !== undefined) return { chute, gpus };
    }
    return undefined;
  }

  async #attempt({ chute, gpus }: { chute: MinerChute; gpus: MinerGpu[] }): Promise<void> {
    const { chuteId, name } = chute;
    const cancel = new AbortController();
    this.#current = { chuteId, cancel };
    const startedAt = performance.now();
    try {
      const instance = await this.#launch({ chute, gpus, signal: cancel.signal });
      this.#wishes.delete(chuteId);
      const { instanceId, port } = instance;
      const tookMs = Math.round(performance.now() - startedAt);
      this.#deps.log.info({ chuteId, name, instanceId, port, tookMs }, "instance is serving");
    } catch (error) {
      this.#deployments.delete(chuteId);
      this.#deps.pool.release(gpus);
      this.#report(chuteId, error);
    } finally {
      this.#current = undefined;
    }
  }

  async #launch(request: Pick<LaunchRequest, "chute" | "gpus" | "signal">): Promise<LaunchedInstance> {
    const { chute, gpus, signal } = request;
    const { token, configId } = await this.#deps.requestToken(chute.chuteId);
    const deployment: Deployment = { chute, gpus, configId };
    this.#deployments.set(chute.chuteId, deployment);
    const instance = await this.#deps.launch({ ...request, token, configId });
    if (signal.aborted) {
      await instance.close();
      throw new AppError("aborted", "the chute is no longer wanted");
    }
    this.#deployments.set(chute.chuteId, { ...deployment, instance });
    return instance;
  }

  #report(chuteId: string, error: unknown): void {
    const waitMs = this.#wishes.postpone(chuteId, this.#deps.now());
    if (error instanceof AppError && error.kind !== "unavailable") {
      this.#deps.log.info({ chuteId, reason: error.message, waitMs }, "launch refused");
    } else this.#deps.log.warn({ err: error, chuteId, waitMs }, "launch failed");
  }

  #forget({ chute, gpus }: Deployment): void {
    this.#deployments.delete(chute.chuteId);
    this.#deps.pool.release(gpus);
    this.#wake.abort();
  }
}
