/** One GPU model. Wire form of `GET /nodes/supported`; members are absent where upstream never knew them. @see protocol 03 §6.3 */
export interface GpuSpec {
  /** Pattern looked for anywhere in the device name, case-sensitively. */
  readonly model_name_check: string;
  /** GB per GPU. */
  readonly memory: number;
  /** CUDA compute capability. */
  readonly major?: number;
  readonly minor?: number;
  readonly tensor_cores?: number;
  readonly concurrent_kernels?: boolean;
  readonly ecc?: boolean;
  readonly sxm?: boolean;
  /** Streaming multiprocessors. */
  readonly processors: number;
  /** MHz. */
  readonly clock_rate: { readonly base: number; readonly boost: number };
  readonly max_threads_per_processor: number;
  /** USD per GPU-hour. */
  readonly hourly_rate: number;
  /** Proof-of-work settings; `estimate` in seconds. */
  readonly graval: { readonly estimate: number; readonly iterations: number };
}

/** Key → model. Order matters: a device name belongs to the first model whose pattern it contains. */
export type GpuTable = ReadonlyMap<string, GpuSpec>;

/** key|name pattern|GB|capability|SMs|tensor cores|base MHz|boost MHz|threads per SM|ECC|SXM|iterations|estimate s|USD/h; `-` = absent */
const ROWS = `
3090|RTX 3090|24|8.6|82|328|1395|1695|1536|n|n|1|70|0.25
4090|RTX 4090|24|8.9|128|512|2235|2520|1536|n|n|2|65|0.4
5090|RTX 5090|32|12.0|170|680|2017|2407|1536|n|n|2|60|0.7
a4000|RTX A4000(?! Ada)|16|8.6|48|168|765|1560|1536|y|n|1|75|0.2
a4000_ada|RTX 4000 Ada|20|8.9|48|192|765|2175|1536|y|n|1|80|0.21
a5000|RTX A5000|24|8.6|64|256|1170|1695|1536|n|n|1|92|0.25
a6000|RTX A6000(?! Ada)|48|8.6|84|336|1455|1860|1536|y|n|1|140|0.5
a6000_ada|RTX 6000 Ada|48|8.9|142|568|915|2505|1536|y|n|1|60|0.75
pro_6000|RTX PRO 6000|96|-|188|-|1590|2617|1024|-|-|1|103|1.8
l4|L4(?!0)|24|8.9|58|240|795|2040|1536|y|n|1|85|0.25
a10|A10(?!0)(?!G)|24|8.6|72|208|1110|1710|1536|y|n|1|82|0.25
a40|A40|48|8.6|84|336|1305|1740|1536|y|n|1|142|0.5
l40|L40(?!S)|48|8.9|142|568|735|2490|1536|y|n|1|60|0.55
l40s|L40S|48|8.9|142|568|1065|2520|1536|y|n|1|60|0.85
a100_40gb|A100.?PCIE.?40GB|40|8.0|108|432|1065|1410|2048|y|n|4|60|1.1
a100_40gb_sxm|A100.?SXM.?.?40GB|40|8.0|108|432|1065|1410|2048|y|y|4|60|1.15
a100|A100.?80GB.?PCIe|80|8.0|108|432|1065|1410|2048|y|n|2|58|1.2
a100_sxm|A100.?SXM.?.?80GB|80|8.0|108|432|1275|1410|2048|y|y|3|70|1.25
h100|H100.*PCIe|80|9.0|114|456|1095|1755|2048|y|n|2|62|1.79
h100_nvl|H100.*NVL|96|9.0|132|456|1590|1980|2048|y|y|3|75|2.25
h100_sxm|H100.*HBM3|80|9.0|132|528|1590|1980|2048|y|y|5|70|2.35
h800|H800.*PCIe|80|9.0|114|456|1095|1755|2048|y|n|3|75|1.5
h20| H20$|96|-|78|-|1590|1980|1024|-|-|1|300|0.6
h200| H200|140|9.0|132|528|1590|1980|2048|y|y|3|70|2.75
mi300x|gfx942:sramecc|192|-|304|-|1600|2100|256|-|-|2|75|3.0
b200| B200|192|-|148|-|1590|1965|1024|-|-|2|75|4.5`;

/** The models of October 2025; an operator may replace them in the configuration. @see protocol 03 §6.3 */
export const DEFAULT_GPU_TABLE: GpuTable = new Map(ROWS.trim().split("\n").map(parseRow));

/** Key of the first model whose pattern occurs in a device name. @see protocol 03 §6.3 */
export function matchGpuName(table: GpuTable, name: string): string | undefined {
  for (const [key, { model_name_check }] of table) {
    if (new RegExp(model_name_check).test(name)) return key;
  }
  return undefined;
}

/** Compute multiplier of one GPU: its rate against the dearest of the table, in (0, 1]. @see protocol 03 §6.4 */
export function gpuComputeMultiplier(table: GpuTable, key: string): number | undefined {
  const rate = table.get(key)?.hourly_rate;
  return rate === undefined ? undefined : rate / dearestRate(table);
}

/** Basis of all prices: the highest rate of the table, USD per GPU-hour. @see protocol 03 §6.4 */
export function dearestRate(table: GpuTable): number {
  return Math.max(...Array.from(table.values(), ({ hourly_rate }) => hourly_rate));
}

function parseRow(row: string): [string, GpuSpec] {
  const [key = "", pattern = "", memory, capability = "-", processors, tensorCores, base, boost, threads, ...rest] =
    row.split("|");
  const [ecc, sxm, iterations, estimate, rate] = rest;
  const [major, minor] = capability.split(".");
  const legacy = capability !== "-" && {
    major: Number(major),
    minor: Number(minor),
    tensor_cores: Number(tensorCores),
    concurrent_kernels: true,
    ecc: ecc === "y",
    sxm: sxm === "y",
  };
  const spec = {
    model_name_check: pattern,
    memory: Number(memory),
    ...legacy,
    processors: Number(processors),
    clock_rate: { base: Number(base), boost: Number(boost) },
    max_threads_per_processor: Number(threads),
    hourly_rate: Number(rate),
    graval: { estimate: Number(estimate), iterations: Number(iterations) },
  };
  return [key, spec];
}
