import type { ConsoleHosts } from "./console-hosts.js";

/** What a page of the console may load, call and be: nothing but its own files and the platform's hosts. */
export function securityHeaders(hosts: ConsoleHosts): Readonly<Record<string, string>> {
  // Sockets have schemes of their own, and not every browser takes http for ws.
  const events = hosts.events.replace(/^http/, "ws");
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: ${hosts.logos}`,
    `connect-src 'self' ${events} ${hosts.llm}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ];
  return {
    "content-security-policy": policy.join("; "),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}
