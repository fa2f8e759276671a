import { apiUrl } from "../../../kernel/config/api-url.js";
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

const SLUG = "{slug}";

/** Public hosts share the API's scheme and port. */
export function consoleHosts(config: Config): ConsoleHosts {
  const { origin, protocol, port } = new URL(apiUrl(config));
  const host = (label: string) => `${protocol}//${label}.${config.baseDomain}${port === "" ? "" : `:${port}`}`;
  return {
    api: origin,
    llm: host("llm"),
    events: host("events"),
    chute: host(SLUG),
    logos: new URL(logoUrl(config, "any") ?? origin).origin,
  };
}
