import { openCardFolder } from "./card-folder.js";
import { openHub } from "./hub.js";
import type { ModelSource } from "./model-source.js";

/** The operator's folder of model cards if there is one, else the hub. */
export function openModelSource(settings: {
  readonly modelHubUrl: string;
  readonly modelCardDir: string;
}): ModelSource {
  return settings.modelCardDir === "" ? openHub(settings.modelHubUrl) : openCardFolder(settings.modelCardDir);
}
