import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";

type GpuVerification = Config["gpuVerification"];

/**
 * Refuses settings that take GPUs on trust, outside `dev`. Call before a service starts.
 * @throws AppError `config` CFG006
 * @see protocol 06 §7.1
 */
export function checkGpuVerification(config: Pick<Config, "environment" | "gpuVerification">): void {
  if (config.environment === "dev") return;
  if (config.gpuVerification.mode === "skip") {
    throw refusal("gpuVerification.mode=skip accepts any GPU unseen", "set GPU_VERIFICATION_MODE to another mode");
  }
  if (config.gpuVerification.allowInsecureKeys) {
    throw refusal("gpuVerification.allowInsecureKeys lets anybody read instance keys", "unset GPU_ALLOW_INSECURE_KEYS");
  }
}

/**
 * Guards what only the `skip` mode can do so far.
 * @throws AppError `unavailable` naming the configured mode
 */
export function requireSkipMode({ mode }: Pick<GpuVerification, "mode">): void {
  if (mode !== "skip") throw new AppError("unavailable", `GPU verification mode ${mode} is not built yet`);
}

/**
 * Guards the hand-over of an instance's key, which without a real proof of GPU hides nothing from the miner.
 * @throws AppError `unavailable` unless the mode is `skip` and insecure keys are allowed
 * @see protocol 06 §7.1
 */
export function requireKeyHandOver(settings: GpuVerification): void {
  requireSkipMode(settings);
  if (settings.allowInsecureKeys) return;
  throw new AppError("unavailable", "GPU verification is off and insecure instance keys are not allowed here");
}

function refusal(message: string, fix: string): AppError {
  return new AppError("config", `${message}; it is refused outside dev`, { code: "CFG006", fix });
}
