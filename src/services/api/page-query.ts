import { Type } from "typebox";

const HIGHEST_PAGE = 1_000_000;

/** Page parameters of a list whose longest page is `limit`. @see protocol 01 §4.4 */
export function pageParameters(limits: { readonly lowest: number; readonly highest?: number }) {
  return {
    page: Type.Optional(Type.Integer({ minimum: 0, maximum: HIGHEST_PAGE })),
    limit: Type.Optional(Type.Integer({ minimum: limits.lowest, ...(limits.highest && { maximum: limits.highest }) })),
  };
}

const DEFAULT_LIMIT = 25;

/** A page in rows. Limit 0 means the default; what is above `cap` is cut down to it. */
export function pageOf(
  query: { readonly page?: number | undefined; readonly limit?: number | undefined },
  cap: number,
): { page: number; limit: number; offset: number } {
  const page = query.page ?? 0;
  const limit = Math.min(query.limit || DEFAULT_LIMIT, cap);
  return { page, limit, offset: page * limit };
}
