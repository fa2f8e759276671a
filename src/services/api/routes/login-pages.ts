import { createHash } from "node:crypto";
import { escapeHtml } from "../html.js";

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:34rem;margin:15vh auto;padding:0 1rem}h1{font-size:1.4rem}a{color:inherit}`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/** Headers of every login page: never stored, never framed, nothing loaded, nothing run. */
export const PAGE_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Says that a browser is logged in as that account. The console behind the link takes the session over by itself. */
export function welcomePage(username: string): string {
  const html = `This browser is logged in as <strong>${escapeHtml(username)}</strong>.`;
  return page("Logged in", html, "/console/login?session=1");
}

/** Says why a login failed. */
export function failurePage(reason: string): string {
  return page("Login failed", `${escapeHtml(reason)} Run the login command again for a fresh link.`, "/");
}

function page(title: string, html: string, console: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1><p>${html}</p><p><a href="${console}">Open the console</a></p></main></body></html>`;
}
