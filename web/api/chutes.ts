import type { Api } from "./client.js";
import { instantOf } from "./usage.js";
import type { WireChute } from "./wire-chute.js";

export interface Instance {
  readonly id: string;
  readonly active: boolean;
  readonly verified: boolean;
  readonly region: string;
  readonly lastVerifiedAt: Date | undefined;
}

export interface Cord {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly streams: boolean;
}

export interface Chute {
  readonly id: string;
  readonly name: string;
  readonly tagline: string;
  readonly owner: { readonly username: string; readonly userId: string };
  readonly isPublic: boolean;
  readonly isHot: boolean;
  readonly isDisabled: boolean;
  readonly slug: string;
  readonly template: string | undefined;
  readonly logo: string | undefined;
  readonly instances: readonly Instance[];
  readonly callsYesterday: number;
  readonly hourUsd: number | undefined;
  readonly millionTokensUsd: { readonly input: number; readonly output: number } | undefined;
  readonly bounty: number | undefined;
  readonly updatedAt: Date;
}

/** A chute with what only its own page shows. */
export interface ChuteDetail extends Chute {
  readonly readme: string;
  readonly version: string;
  readonly image: string;
  readonly gpus: readonly string[];
  readonly gpuCount: number;
  readonly concurrency: number;
  readonly cords: readonly Cord[];
}

export interface ChuteQuery {
  readonly includePublic: boolean;
  readonly name: string;
  readonly page: number;
  readonly limit: number;
  readonly template?: string;
}

export interface ChutePage {
  readonly total: number;
  readonly chutes: readonly Chute[];
}

export async function listChutes(api: Api, query: ChuteQuery, signal?: AbortSignal): Promise<ChutePage> {
  const parameters = new URLSearchParams({
    include_public: String(query.includePublic),
    include_shared: "true",
    page: String(query.page),
    limit: String(query.limit),
    ...(query.name !== "" && { name: query.name }),
    ...(query.template !== undefined && { template: query.template }),
  });
  const wire = (await api.json(`/chutes/?${parameters}`, { signal })) as { total: number; items: readonly WireChute[] };
  return { total: wire.total, chutes: wire.items.map(chuteOf) };
}

/** `idOrName`: names may contain slashes. */
export async function readChute(api: Api, idOrName: string, signal?: AbortSignal): Promise<ChuteDetail> {
  const wire = (await api.json(`/chutes/${pathOf(idOrName)}`, { signal })) as WireChute;
  return {
    ...chuteOf(wire),
    readme: wire.readme ?? "",
    version: wire.version,
    image: `${wire.image.user?.username ?? ""}/${wire.image.name}:${wire.image.tag}`.replace(/^\//, ""),
    gpus: wire.supported_gpus ?? [],
    gpuCount: wire.node_selector?.gpu_count ?? 1,
    concurrency: wire.concurrency ?? 1,
    cords: (wire.cords ?? []).map((cord) => ({
      name: cord.function,
      method: cord.public_api_method ?? "–",
      path: cord.public_api_path ?? "–",
      streams: cord.stream ?? false,
    })),
  };
}

export async function readCode(api: Api, chuteId: string, signal?: AbortSignal): Promise<string> {
  return (await api.open(`/chutes/code/${chuteId}`, { signal })).text();
}

export async function deleteChute(api: Api, chuteId: string): Promise<void> {
  await api.json(`/chutes/${chuteId}`, { method: "DELETE" });
}

/** Gives a private chute to another account, or takes it back. The platform's words about it. */
export async function setShare(api: Api, chuteId: string, share: { user: string; isShared: boolean }): Promise<string> {
  const body = { chute_id_or_name: chuteId, user_id_or_name: share.user };
  const path = share.isShared ? "/chutes/share" : "/chutes/unshare";
  return ((await api.json(path, { method: "POST", body })) as { status: string }).status;
}

function chuteOf(wire: WireChute): Chute {
  const price = wire.current_estimated_price;
  return {
    id: wire.chute_id,
    name: wire.name,
    tagline: wire.tagline ?? "",
    owner: { username: wire.user?.username ?? "unknown", userId: wire.user?.user_id ?? "" },
    isPublic: wire.public,
    isHot: wire.hot,
    isDisabled: wire.disabled ?? false,
    slug: wire.slug,
    template: wire.standard_template ?? undefined,
    logo: wire.logo ?? undefined,
    instances: (wire.instances ?? []).map((instance) => ({
      id: instance.instance_id,
      active: instance.active,
      verified: instance.verified,
      region: instance.region,
      lastVerifiedAt: instance.last_verified_at === null ? undefined : instantOf(instance.last_verified_at),
    })),
    callsYesterday: wire.invocation_count ?? 0,
    hourUsd: price?.usd?.hour,
    millionTokensUsd: tokenPriceOf(price?.per_million_tokens),
    bounty: wire.bounty ?? undefined,
    updatedAt: instantOf(wire.updated_at),
  };
}

type WireTokenPrice = NonNullable<NonNullable<WireChute["current_estimated_price"]>["per_million_tokens"]>;

function tokenPriceOf(price: WireTokenPrice | undefined): Chute["millionTokensUsd"] {
  if (price === undefined) return undefined;
  return { input: price.input.usd, output: price.output.usd };
}

function pathOf(idOrName: string): string {
  return idOrName.split("/").map(encodeURIComponent).join("/");
}
