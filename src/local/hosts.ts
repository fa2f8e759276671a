import { apiUrl } from "../kernel/config/api-url.js";
import type { Config } from "../kernel/config/schema.js";

/** URL of another public host of the platform: same scheme and port as the API. `llm` → `http://llm.localhost:8000`. */
export function hostUrl(config: Pick<Config, "publicUrl" | "baseDomain">, label: string): string {
  const url = new URL(apiUrl(config));
  url.hostname = `${label}.${config.baseDomain}`;
  return url.origin;
}
