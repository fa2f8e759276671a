import { globalPriceOverrides } from "../../../domain/billing/price-override-repository.js";
import { bountiesOf } from "../../../domain/bounties/bounty-store.js";
import { chuteViews, cordsOf } from "../../../domain/chutes/chute-view-repository.js";
import type { ApiDeps } from "../deps.js";
import { chuteNotFound } from "../visible-chute.js";
import { chuteObject, type ShownChute } from "./chute-objects.js";

export type ReadChuteDeps = Pick<ApiDeps, "config" | "db" | "redis" | "log" | "now" | "gpuTable" | "taoPrice">;

/** Chutes with what their objects are computed from, in the order of the ids: three statements, however many. */
export async function shownChutes(deps: ReadChuteDeps, chuteIds: readonly string[]): Promise<ShownChute[]> {
  const [views, overrides, bounties, taoUsd] = await Promise.all([
    chuteViews(deps.db, chuteIds),
    globalPriceOverrides(deps.db, chuteIds),
    openBounties(deps, chuteIds),
    deps.taoPrice.usd(),
  ]);
  return views.map((view) => ({
    view,
    bounty: bounties.get(view.chuteId),
    override: overrides.get(view.chuteId),
    taoUsd,
  }));
}

/** One chute as reads and changes answer it. @throws AppError `not_found` when it is gone */
export async function shownChute(deps: ReadChuteDeps, chuteId: string) {
  const [[shown], cords] = await Promise.all([shownChutes(deps, [chuteId]), cordsOf(deps.db, [chuteId])]);
  if (shown === undefined) throw chuteNotFound();
  return chuteObject(deps, shown, { cords: cords.get(chuteId) ?? [], cord_ref_id: null });
}

/** Bounties may be lost; chutes are shown without them rather than not at all. */
async function openBounties({ redis, log, now }: ReadChuteDeps, chuteIds: readonly string[]) {
  return bountiesOf(redis, chuteIds, now()).catch((error: unknown) => {
    log.warn({ err: error }, "chutes are shown without their bounties");
    return new Map<string, never>();
  });
}
