import type { HttpClient } from "../infra/http-client/client.js";
import { CloseStack, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import type { Engine } from "./engines/engine.js";
import { gpuProof } from "./gpu-proof.js";
import { deviceInfo, type MinerGpu } from "./gpus.js";
import { InstanceLog } from "./instance-log.js";
import { type InstanceServer, startInstanceServer } from "./instance-server.js";
import { type LaunchCalls, launchCalls } from "./launch-calls.js";
import { startLogServer } from "./log-server.js";
import type { PortPool } from "./port-pool.js";
import type { MinerChute } from "./records.js";
import { newRuntimeKeys } from "./runtime-keys.js";
import type { TlsMaterial } from "./tls-material.js";

/** Ports inside a container; the platform knows them by these numbers. @see protocol 05 §6.4 */
const CHUTE_PORT = 8000;
const LOG_PORT = 8001;

export interface LaunchDeps {
  readonly http: HttpClient;
  readonly minerHotkey: string;
  readonly validatorHotkey: string;
  /** Address under which the platform reaches this machine. */
  readonly host: string;
  readonly listenHost: string;
  readonly ports: PortPool;
  readonly engineFor: (chute: MinerChute) => Engine;
  readonly drainMs: number;
  readonly log: Logger;
  readonly now: () => Date;
}

export interface LaunchRequest {
  readonly chute: MinerChute;
  readonly gpus: readonly MinerGpu[];
  readonly token: string;
  readonly configId: string;
  readonly signal: AbortSignal;
}

export interface LaunchedInstance extends Running {
  readonly instanceId: string;
  readonly port: number;
}

/**
 * From a launch token to an instance that serves: nonce, keys, claim, proof, serve, activate. Whatever fails, nothing keeps
 * listening. Throws AppError with the platform's refusal. @see protocol 05 §6, §13.2
 */
export async function launchInstance(deps: LaunchDeps, request: LaunchRequest): Promise<LaunchedInstance> {
  const { chute, gpus, token, configId, signal } = request;
  const stack = new CloseStack();
  const output = new InstanceLog(deps.now);
  try {
    const calls = launchCalls(deps.http, { token, chutesVersion: chute.chutesVersion, signal });
    const keys = await newRuntimeKeys({ configId, nonce: await calls.nonce(), now: deps.now() });
    const servers = await listen(deps, request, { tls: keys.tls, output, stack });
    output.write(`claiming with ${gpus.length} GPU(s)`);
    const claimed = await calls.claim({ ...claimBody(deps, { request, calls, servers }), ...keys.offer });
    const verified = await calls.verify(gpuProof(claimed.challenge, gpus));
    servers.instance.serve(keys.sessionKey(claimed.validatorPublicHex));
    output.write(`instance ${verified.instanceId} is serving`);
    await calls.activate(verified.activationUrl);
    output.write("active");
    return { instanceId: verified.instanceId, port: servers.instance.port, close: () => stack.close() };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

interface Servers {
  readonly instance: InstanceServer;
  readonly logPort: number;
}

/** Both ports listen before the claim, which names them. */
async function listen(
  deps: LaunchDeps,
  { chute }: LaunchRequest,
  { tls, output, stack }: { tls: TlsMaterial; output: InstanceLog; stack: CloseStack },
): Promise<Servers> {
  const { listenHost, log, drainMs } = deps;
  const callers = { miner: deps.minerHotkey, validator: deps.validatorHotkey, now: deps.now };
  const port = takePort(deps.ports, stack);
  const logs = stack.use(await startLogServer({ listenHost, port: takePort(deps.ports, stack), callers, output, log }));
  const instance = stack.use(
    await startInstanceServer({
      tls,
      listenHost,
      port,
      cords: chute.cords,
      engine: deps.engineFor(chute),
      concurrency: chute.concurrency,
      callers,
      log,
      drainMs,
    }),
  );
  return { instance, logPort: logs.port };
}

function takePort(ports: PortPool, stack: CloseStack): number {
  const port = ports.take();
  stack.add(() => ports.release(port));
  return port;
}

function claimBody(
  deps: LaunchDeps,
  { request, calls, servers }: { request: LaunchRequest; calls: LaunchCalls; servers: Servers },
): Record<string, unknown> {
  const mapping = (internal: number, external: number) => ({
    proto: "TCP",
    internal_port: internal,
    external_port: external,
    default: true,
  });
  return {
    gpus: request.gpus.map(deviceInfo),
    host: deps.host,
    port_mappings: [mapping(CHUTE_PORT, servers.instance.port), mapping(LOG_PORT, servers.logPort)],
    ...(calls.egress !== undefined && { egress: calls.egress }),
  };
}
