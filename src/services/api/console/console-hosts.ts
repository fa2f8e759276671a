import { apiUrl, hostUrl } from "../../../kernel/config/api-url.js";
import type { Config } from "../../../kernel/config/schema.js";
import { logoUrl } from "../logo-url.js";

/** Where a browser finds the platform's public hosts; all are origins without a path. */
export interface ConsoleHosts {
  readonly api: string;
  readonly llm: string;
  readonly events: string;
  /** Host of one chute, with `{slug}` in the place of its slug. */
  readonly chute: string;
  readonly logos: string;
}

/** Public hosts share the API's scheme and port. */
export function consoleHosts(config: Config): ConsoleHosts {
  const { origin } = new URL(apiUrl(config));
  return {
    api: origin,
    llm: hostUrl(config, "llm"),
    events: hostUrl(config, "events"),
    chute: hostUrl(config, "{slug}"),
    logos: new URL(logoUrl(config, "any") ?? origin).origin,
  };
}
