import type { PlacedGpu } from "./node-repository.js";

/** What runs on a provisioned GPU; private chutes are masked. */
interface ProvisionedGpu {
  readonly gpu: string;
  readonly chute: {
    readonly username: string | null;
    readonly name: string;
    readonly chute_id: string | null;
    readonly verified: boolean;
    readonly instance_id: string;
  };
}

/** GPUs of one miner in the public listing. */
export interface MinerInventory {
  readonly provisioned: ProvisionedGpu[];
  readonly idle: Record<string, number>;
}

/** Public listing by hotkey, the miner with most GPUs first. @see protocol 05 §3.5 */
export function inventoryByMiner(gpus: readonly PlacedGpu[]): Record<string, MinerInventory> {
  const miners = new Map<string, { inventory: MinerInventory; gpuCount: number }>();
  for (const gpu of gpus) {
    const miner = miners.get(gpu.minerHotkey) ?? { inventory: { provisioned: [], idle: {} }, gpuCount: 0 };
    miners.set(gpu.minerHotkey, miner);
    miner.gpuCount += 1;
    addGpu(miner.inventory, gpu);
  }
  const ordered = [...miners].sort(([, a], [, b]) => b.gpuCount - a.gpuCount);
  return Object.fromEntries(ordered.map(([hotkey, { inventory }]) => [hotkey, inventory]));
}

function addGpu({ provisioned, idle }: MinerInventory, gpu: PlacedGpu): void {
  if (gpu.instanceId === null) {
    idle[gpu.gpu] = (idle[gpu.gpu] ?? 0) + 1;
    return;
  }
  const isShown = gpu.chutePublic === true;
  provisioned.push({
    gpu: gpu.gpu,
    chute: {
      username: isShown ? gpu.ownerUsername : null,
      name: isShown ? (gpu.chuteName ?? "") : "[private chute]",
      chute_id: gpu.chuteId,
      verified: gpu.instanceVerified === true,
      instance_id: gpu.instanceId,
    },
  });
}
