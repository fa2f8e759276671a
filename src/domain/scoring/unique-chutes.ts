import type { InstanceAudit, ScoringInputs } from "./inputs.js";
import { WINDOW_MS } from "./inputs.js";

const HOUR_MS = 3_600_000;
const POINTS = WINDOW_MS / HOUR_MS + 1;

type UniqueInputs = Pick<ScoringInputs, "asOf" | "instances" | "gpuCounts">;

/** Mean number of GPUs over a miner's distinct chutes at the full hours of the window where it had any, rounded half
 *  up. @see protocol 07 §3.3 step 5 */
export function uniqueChuteCounts(inputs: UniqueInputs): Map<string, number> {
  const byHotkey = new Map<string, Map<string, Uint8Array>>();
  for (const instance of inputs.instances) {
    const presence = presenceOf(instance, inputs.asOf);
    if (presence === undefined) continue;
    const chutes = byHotkey.get(instance.hotkey) ?? new Map<string, Uint8Array>();
    byHotkey.set(instance.hotkey, chutes);
    chutes.set(instance.chuteId, union(chutes.get(instance.chuteId), presence));
  }
  return new Map([...byHotkey].map(([hotkey, chutes]) => [hotkey, meanGpus(chutes, inputs.gpuCounts)]));
}

/** One flag for each of the 169 hours, or undefined when none is set. */
function presenceOf(instance: InstanceAudit, asOf: Date): Uint8Array | undefined {
  if (instance.activatedAt === null) return undefined;
  const activated = instance.activatedAt.getTime();
  const deleted = instance.deletedAt !== null && instance.deletedAt <= asOf ? instance.deletedAt.getTime() : undefined;
  const first = Math.floor((asOf.getTime() - WINDOW_MS) / HOUR_MS) * HOUR_MS;
  const flags = new Uint8Array(POINTS);
  let isPresent = false;
  for (let index = 0; index < POINTS; index += 1) {
    const point = first + index * HOUR_MS;
    if (activated > point || (deleted !== undefined && deleted < point)) continue;
    if (!instance.isBilled && (deleted ?? point) - activated < HOUR_MS) continue;
    flags[index] = 1;
    isPresent = true;
  }
  return isPresent ? flags : undefined;
}

function union(left: Uint8Array | undefined, right: Uint8Array): Uint8Array {
  return left === undefined ? right : left.map((flag, index) => flag | (right[index] ?? 0));
}

function meanGpus(chutes: ReadonlyMap<string, Uint8Array>, gpuCounts: ReadonlyMap<string, number>): number {
  let sum = 0;
  let points = 0;
  for (let index = 0; index < POINTS; index += 1) {
    const gpus = gpusAt(chutes, gpuCounts, index);
    if (gpus === undefined) continue;
    sum += gpus;
    points += 1;
  }
  return points === 0 ? 0 : Math.floor(sum / points + 0.5);
}

/** Undefined at a point without any chute: such points do not enter the mean. */
function gpusAt(
  chutes: ReadonlyMap<string, Uint8Array>,
  gpuCounts: ReadonlyMap<string, number>,
  index: number,
): number | undefined {
  let gpus: number | undefined;
  for (const [chuteId, flags] of chutes) {
    if (flags[index] === 1) gpus = (gpus ?? 0) + (gpuCounts.get(chuteId) ?? 1);
  }
  return gpus;
}
