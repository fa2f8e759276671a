/** The pages of the console; each has a real URL that can be opened, kept and shared. */
export type Route =
  | { readonly page: "overview" }
  | { readonly page: "login" }
  | { readonly page: "keys" }
  | { readonly page: "chutes" }
  | { readonly page: "chute"; readonly chuteId: string }
  | { readonly page: "playground" }
  | { readonly page: "settings" }
  | { readonly page: "unknown" };

const SIMPLE: Readonly<Record<string, Route>> = {
  "/": { page: "overview" },
  "/console": { page: "overview" },
  "/console/login": { page: "login" },
  "/console/keys": { page: "keys" },
  "/console/chutes": { page: "chutes" },
  "/console/playground": { page: "playground" },
  "/console/settings": { page: "settings" },
};

export function routeOf(path: string): Route {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  const [, chuteId] = /^\/console\/chutes\/([^/]+)$/.exec(plain) ?? [];
  if (chuteId !== undefined) return { page: "chute", chuteId };
  return SIMPLE[plain] ?? { page: "unknown" };
}

export function chutePath(chuteId: string): string {
  return `/console/chutes/${chuteId}`;
}

/** Opens the playground with that chute chosen. */
export function playgroundPath(chuteId: string): string {
  return `/console/playground?chute=${chuteId}`;
}
