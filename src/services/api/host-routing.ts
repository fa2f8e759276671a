import type { Chute } from "../../domain/chutes/chute.js";
import { isUuid } from "../../wire/ids.js";

/** Shared hosts and the template whose chutes they reach. @see protocol 04 §1.1 */
const AGGREGATES = { llm: "vllm", embed: "embedding", image: "diffusion" } as const;
type AggregateLabel = keyof typeof AGGREGATES;
/** Hosts of the ordinary routes, which no chute can have. @see protocol 01 §13, 03 §4 */
const OWN_LABELS: ReadonlySet<string> = new Set(["api", "logos"]);

/** Who answers a request. Decided once per request, from its own line and headers. */
export type Destination =
  /** The ordinary routes. */
  | { readonly kind: "api" }
  /** The public list of language models. */
  | { readonly kind: "models" }
  /** A shared host: the body names the chute. */
  | { readonly kind: "aggregate"; readonly template: (typeof AGGREGATES)[AggregateLabel] }
  /** A chute's own host. */
  | { readonly kind: "chute"; readonly chute: Chute; readonly path: string }
  /** A chute on the API's host: one of its functions, by internal or public path. */
  | { readonly kind: "chute-path"; readonly chuteId: string; readonly path: string }
  /** A browser asks whether it may call an invocation host. */
  | { readonly kind: "preflight" };

/** What routing looks at. */
export interface RoutedRequest {
  readonly host: string | undefined;
  readonly method: string;
  /** Path and query, leading slashes merged. */
  readonly url: string;
  /** Whether an ordinary route matched; those win over a chute's path on the API's host. */
  readonly isRouted: boolean;
}

const FIRST_LABEL = /^([a-z0-9-]+)\.[a-z0-9-]+/;
const CHUTE_PATH = /^\/chutes\/([^/]+)(\/.+)$/;
const API: Destination = { kind: "api" };

/** @see protocol 04 §1.1 (first rule that fits wins) */
export async function routeRequest(
  request: RoutedRequest,
  chuteBySlug: (slug: string) => Promise<Chute | undefined>,
): Promise<Destination> {
  const label = FIRST_LABEL.exec((request.host ?? "").toLowerCase())?.[1];
  const path = pathOf(request.url);
  if (label !== undefined && label in AGGREGATES) {
    const shared = sharedHost(label as AggregateLabel, request.method, path);
    if (shared !== undefined) return shared;
  }
  if (label !== undefined && !OWN_LABELS.has(label)) {
    const chute = await chuteBySlug(label);
    if (chute !== undefined) return chuteHost(chute, request.method, path);
  }
  return request.isRouted ? API : chutePath(path);
}

/** The path of a URL, without query and trailing slashes. */
export function pathOf(url: string): string {
  const query = url.indexOf("?");
  const path = query === -1 ? url : url.slice(0, query);
  return path.length > 1 && path.endsWith("/") ? path.replace(/\/+$/, "") || "/" : path;
}

/** Query parameters; the last of equal names wins. @see protocol 04 §2 */
export function queryOf(url: string): Record<string, string> {
  const query = url.indexOf("?");
  return query === -1 ? {} : Object.fromEntries(new URLSearchParams(url.slice(query)));
}

function sharedHost(label: AggregateLabel, method: string, path: string): Destination | undefined {
  if (method === "OPTIONS") return { kind: "preflight" };
  if (label === "llm" && path === "/v1/models" && method !== "POST") return { kind: "models" };
  return method === "POST" ? { kind: "aggregate", template: AGGREGATES[label] } : undefined;
}

/** `/ping` is the platform's health, unless the chute declares one of its own. */
function chuteHost(chute: Chute, method: string, path: string): Destination {
  if (method === "OPTIONS") return { kind: "preflight" };
  const isOwnPing = path === "/ping" && chute.cords.some((cord) => cord.public_api_path === path);
  return path === "/ping" && !isOwnPing ? API : { kind: "chute", chute, path };
}

function chutePath(path: string): Destination {
  const [, chuteId = "", rest = ""] = CHUTE_PATH.exec(path) ?? [];
  return isUuid(chuteId) ? { kind: "chute-path", chuteId: chuteId.toLowerCase(), path: rest } : API;
}
