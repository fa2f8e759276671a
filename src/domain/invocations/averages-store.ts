import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { defineScript } from "../../infra/redis/script.js";
import type { Averages, Observation } from "./measure.js";

/** `spt`: seconds per token, `sps`: seconds per diffusion step. */
export type AveragedUnit = "spt" | "sps";

/** Calls before an adaptive average is trusted. */
const READY_COUNT = 25;

/**
 * Adds a call to the moving averages of its chute, and reads them.
 * @see protocol 04 §9.3
 */
export function movingAverages(
  redis: Redis,
): (chute: { chuteId: string; unit: AveragedUnit }, seen: Observation, now: Date) => Promise<Averages> {
  const script = defineScript(redis, "moving-averages", 5);
  return async ({ chuteId, unit }, seen, now) => {
    const keys = [
      redisKeys.movingAverage(chuteId, unit, "v"),
      redisKeys.movingAverage(chuteId, unit, "c"),
      redisKeys.movingAverage(chuteId, unit, "l"),
      redisKeys.adaptiveAverage("ptps", chuteId),
      redisKeys.adaptiveAverage("otps", chuteId),
    ];
    const { secondsPerUnit = "", promptRate = "", outputRate = "" } = seen;
    const args = [now.getTime() / 1000, secondsPerUnit, promptRate, outputRate];
    const [unitText, promptText, outputText] = (await script(keys, [
      ...args,
      redisTtlSeconds.movingAverage,
      READY_COUNT,
    ])) as string[];
    return { secondsPerUnit: numberOf(unitText), promptRate: numberOf(promptText), outputRate: numberOf(outputText) };
  };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}
