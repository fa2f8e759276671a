import { type ChuteFilter, listChuteIds } from "../../../domain/chutes/chute-list-repository.js";
import { type ChuteView, cordsOf } from "../../../domain/chutes/chute-view-repository.js";
import type { ChuteListing } from "./chute-list-cache.js";
import { chuteObject, cordRefOf, listedCords } from "./chute-objects.js";
import { type ReadChuteDeps, shownChutes } from "./chute-read.js";

/** One list as it was asked for. */
export interface ChuteListRequest {
  readonly filter: ChuteFilter;
  readonly page: number;
  readonly includeSchemas: boolean;
}

/** Reads a page of chutes and writes it as JSON; the number of statements does not depend on its length. @see protocol 03 §9.3 */
export async function buildChuteList(deps: ReadChuteDeps, request: ChuteListRequest): Promise<ChuteListing> {
  const { filter, page, includeSchemas } = request;
  const { total, chuteIds } = await listChuteIds(deps.db, filter);
  const shown = await shownChutes(deps, chuteIds);
  const views = shown.map(({ view }) => view);
  const definitions = await cordDefinitions(deps, views);
  // One object at a time becomes text: thousands of them at once would be the largest thing in memory.
  const items = shown.map((chute) => {
    const cord_ref_id = definitions.get(chute.view.cordsKey)?.ref ?? null;
    return JSON.stringify(chuteObject(deps, chute, { cords: null, cord_ref_id }));
  });
  const cordRefs = Object.fromEntries(
    [...definitions.values()].map(({ ref, cords }) => [ref, listedCords(cords, includeSchemas)]),
  );
  const head = `{"total":${total},"page":${page},"limit":${filter.limit},"items":[`;
  const bytes = Buffer.from(`${head}${items.join(",")}],"cord_refs":${JSON.stringify(cordRefs)}}`);
  return { bytes, chuteIds: new Set(chuteIds), userIds: accountsOf(views, filter.userId) };
}

/** Each definition is read once, however many chutes share it. */
async function cordDefinitions({ db }: ReadChuteDeps, views: readonly ChuteView[]) {
  const examples = new Map(views.map((view) => [view.cordsKey, view]));
  const cords = await cordsOf(
    db,
    [...examples.values()].map(({ chuteId }) => chuteId),
  );
  return new Map(
    [...examples].map(([key, view]) => {
      const own = cords.get(view.chuteId) ?? [];
      return [key, { ref: cordRefOf(view, own), cords: own }] as const;
    }),
  );
}

function accountsOf(views: readonly ChuteView[], viewerId: string | null): ReadonlySet<string> {
  const shown = views.flatMap((view) => [view.userId, view.image.owner.userId]);
  return new Set(viewerId === null ? shown : [...shown, viewerId]);
}
