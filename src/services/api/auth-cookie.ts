import type { Config } from "../../kernel/config/schema.js";
import { SESSION_SECONDS } from "./auth-session.js";

/** Name that the original server's pages know. @see protocol 01 §5.3 */
export const SESSION_COOKIE = "chutes-session-token";

/** The header that logs a browser in. */
export function sessionCookie(config: Pick<Config, "baseDomain">, token: string): string {
  return cookie(config, token, SESSION_SECONDS);
}

/** The header that logs it out. */
export function expiredSessionCookie(config: Pick<Config, "baseDomain">): string {
  return cookie(config, "", 0);
}

/** A name without a dot, like `localhost`, cannot be a cookie's domain. */
function cookie({ baseDomain }: Pick<Config, "baseDomain">, value: string, seconds: number): string {
  const domain = baseDomain.includes(".") ? `; Domain=.${baseDomain}` : "";
  return `${SESSION_COOKIE}=${value}; Max-Age=${seconds}; HttpOnly; Secure; SameSite=Lax${domain}; Path=/`;
}
