import type { Config } from "./schema.js";

/** URL of the API as clients reach it, without trailing slash. */
export function apiUrl(config: Pick<Config, "publicUrl" | "baseDomain">): string {
  return config.publicUrl === "" ? `https://api.${config.baseDomain}` : config.publicUrl.replace(/\/+$/, "");
}
