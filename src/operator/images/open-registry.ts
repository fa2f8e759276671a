import { createHttpClient } from "../../infra/http-client/client.js";
import { openRegistry, type Registry } from "../../infra/registry/client.js";
import type { Context } from "../../kernel/context.js";
import { AppError } from "../../kernel/errors.js";
import type { Running } from "../../kernel/lifecycle.js";

const CONNECT_TIMEOUT_MS = 10_000;
const TOTAL_TIMEOUT_MS = 30_000;

/** The registry of the configuration, and where it is. The caller closes it. */
export interface OpenedRegistry extends Registry, Running {
  readonly url: string;
}

/** @throws AppError `config` CFG003 when no registry is configured, CFG001 when its URL is none */
export function openConfiguredRegistry({ config, signal }: Context): OpenedRegistry {
  const { username, password, token } = config.registry;
  const url = registryUrl(config.registry.url);
  const http = createHttpClient({
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    totalTimeoutMs: TOTAL_TIMEOUT_MS,
    lookupLocalhost: true,
  });
  const registry = openRegistry({ http, url, credentials: { username, password, token }, signal });
  return { ...registry, url, close: () => http.close() };
}

/** A registry answers at the root of a host. A bare `host[:port]` means https. */
function registryUrl(text: string): string {
  if (text === "")
    throw new AppError("config", "no container registry is named", {
      code: "CFG003",
      fix: "--registry https://registry.example.org, or set REGISTRY_URL",
    });
  const full = text.includes("://") ? text : `https://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  const isPlain = url !== undefined && url.username === "" && url.password === "" && url.search === "";
  if (isPlain && /^https?:$/.test(url.protocol) && url.pathname === "/") return url.origin;
  throw new AppError("config", "registry.url is not the URL of a container registry, without path and password", {
    code: "CFG001",
    fix: "e.g. https://registry.example.org; credentials go into REGISTRY_USERNAME and REGISTRY_PASSWORD",
  });
}
