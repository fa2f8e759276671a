import { AppError } from "../kernel/errors.js";
import { pause } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import { deviceInfo, type MinerGpu } from "./gpus.js";
import type { PlatformApi } from "./platform-api.js";

const GPUS_PER_SERVER = 10;
const POLL_MS = 1000;
/** Proofs of the slowest model take five minutes. */
const MAX_POLLS = 900;
/** Named as the address of the verification service, which a simulated GPU does not have. */
const VERIFICATION_PORT = 30_000;

export interface RegistrationDeps {
  readonly api: PlatformApi;
  readonly hotkey: string;
  readonly host: string;
  readonly gpus: readonly MinerGpu[];
  readonly log: Logger;
}

/**
 * Brings the GPUs into the platform's inventory, ten to a server, and waits until they are verified; those that are there stay.
 * GPUs left unverified by an earlier life are registered anew. Throws AppError with the platform's refusal. @see protocol 05 §3
 */
export async function registerGpus(deps: RegistrationDeps, signal: AbortSignal): Promise<void> {
  const { api, gpus } = deps;
  const known = await api.nodes();
  const missing = gpus.filter(({ uuid }) => known.get(uuid) !== true);
  await deleteNodes(
    api,
    missing.filter(({ uuid }) => known.has(uuid)),
  );
  for (let start = 0; start < gpus.length; start += GPUS_PER_SERVER) {
    const ofServer = gpus.slice(start, start + GPUS_PER_SERVER);
    const nodes = ofServer.map((gpu, index) => ({ gpu, index })).filter(({ gpu }) => missing.includes(gpu));
    if (nodes.length > 0) await registerServer(deps, { number: start / GPUS_PER_SERVER, nodes }, signal);
  }
}

interface Server {
  readonly number: number;
  readonly nodes: readonly { gpu: MinerGpu; index: number }[];
}

async function registerServer(deps: RegistrationDeps, { number, nodes }: Server, signal: AbortSignal): Promise<void> {
  const { api, hotkey, log } = deps;
  const name = `${hotkey}-${number}`;
  const body = { server_id: name, server_name: name, nodes: nodes.map((node) => nodeRecord(deps, node)) };
  const taskId = await api.addNodes(body);
  const problem = await outcome(api, taskId, signal);
  if (problem === undefined) {
    log.info({ gpus: nodes.length, server: name }, "GPUs are verified");
    return;
  }
  await deleteNodes(
    api,
    nodes.map(({ gpu }) => gpu),
  );
  throw new AppError("unavailable", `the platform could not verify the GPUs: ${problem}`);
}

/** Undefined when verified, the platform's words otherwise. */
async function outcome(api: PlatformApi, taskId: string, signal: AbortSignal): Promise<string | undefined> {
  for (let polls = 0; polls < MAX_POLLS && !signal.aborted; polls++) {
    const { status, detail, error } = await api.nodeTask(taskId);
    if (status === "verified") return undefined;
    if (status !== "pending") return String(detail ?? error ?? status);
    await pause(POLL_MS, signal);
  }
  throw new AppError(signal.aborted ? "aborted" : "unavailable", "the GPUs were not verified in time");
}

function nodeRecord({ host }: RegistrationDeps, { gpu, index }: Server["nodes"][number]): Record<string, unknown> {
  return {
    ...deviceInfo(gpu),
    device_index: index,
    gpu_identifier: gpu.model,
    verification_host: host,
    verification_port: VERIFICATION_PORT,
  };
}

async function deleteNodes(api: PlatformApi, gpus: readonly MinerGpu[]): Promise<void> {
  for (const { uuid } of gpus) await api.deleteNode(uuid);
}
