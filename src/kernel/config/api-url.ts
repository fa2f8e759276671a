import type { Config } from "./schema.js";

type Settings = Pick<Config, "publicUrl" | "baseDomain">;

/** URL of the API as clients reach it, without trailing slash. */
export function apiUrl(config: Settings): string {
  return config.publicUrl === "" ? `https://api.${config.baseDomain}` : config.publicUrl.replace(/\/+$/, "");
}

/**
 * Origin of another public host of the platform: same scheme and port as the API (`llm` → `http://llm.localhost:8000`).
 * @param label first label of the host, or a `{placeholder}` for it
 */
export function hostUrl(config: Settings, label: string): string {
  const { protocol, port } = new URL(apiUrl(config));
  return `${protocol}//${label}.${config.baseDomain}${port === "" ? "" : `:${port}`}`;
}
