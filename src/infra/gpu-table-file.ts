import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { AppError, messageOf } from "../kernel/errors.js";
import { DEFAULT_GPU_TABLE, type GpuSpec, type GpuTable } from "../wire/gpu-table.js";

/**
 * The operator's GPU table: the built-in one, with the file's keys added or replaced; a key set to null is removed.
 * @throws AppError `config` naming the key that is wrong
 * @see protocol 03 §6.3
 */
export async function loadGpuTable(path: string): Promise<GpuTable> {
  if (path === "") return DEFAULT_GPU_TABLE;
  const table = new Map(DEFAULT_GPU_TABLE);
  for (const [key, spec] of Object.entries(await readTable(path))) {
    if (spec === null) table.delete(key);
    else table.set(key, checkedSpec(key, { ...table.get(key), ...spec }));
  }
  return table;
}

async function readTable(path: string): Promise<Record<string, Partial<GpuSpec> | null>> {
  try {
    return (parse(await readFile(path, "utf8")) ?? {}) as Record<string, Partial<GpuSpec> | null>;
  } catch (cause) {
    throw new AppError("config", `cannot read the GPU table ${path}: ${messageOf(cause)}`, { code: "CFG002", cause });
  }
}

function checkedSpec(key: string, spec: Partial<GpuSpec>): GpuSpec {
  const problem = (field: string) =>
    new AppError("config", `GPU table: ${key}.${field} is missing or not a positive number`, {
      code: "CFG001",
      fix: `give ${key} a ${field}`,
    });
  if (!((spec.memory ?? 0) > 0)) throw problem("memory");
  if (!((spec.hourly_rate ?? 0) > 0)) throw problem("hourly_rate");
  if (typeof spec.model_name_check !== "string") throw problem("model_name_check");
  return spec as GpuSpec;
}
