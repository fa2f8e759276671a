import { hostUrl } from "../../kernel/config/api-url.js";
import type { Config } from "../../kernel/config/schema.js";

type Settings = Pick<Config, "accounts" | "baseDomain" | "publicUrl">;

/** URL of a logo, or null. Unless configured, logos have a host beside the API's. @see protocol 01 §13, 02 §10.3 */
export function logoUrl(config: Settings, logoId: string | null): string | null {
  if (logoId === null) return null;
  return `${(config.accounts.logoCdn || hostUrl(config, "logos")).replace(/\/+$/, "")}/logos/${logoId}.webp`;
}
