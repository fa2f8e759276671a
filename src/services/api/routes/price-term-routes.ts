import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { discountsOf, replaceDiscounts, setPriceOverride } from "../../../domain/billing/entitlement-repository.js";
import type { PriceOverride } from "../../../domain/billing/price.js";
import {
  EVERYBODY,
  priceOverridesOf,
  type UserPriceOverride,
} from "../../../domain/billing/price-override-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { isUuid } from "../../../wire/ids.js";
import { namedAccount, requireBillingAdmin } from "../billing-admin.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { accountOf } from "../principal.js";
import { discountsIn } from "./quota-bodies.js";

type Deps = Pick<ApiDeps, "db" | "now"> & { readonly directory: Directory };

const Usd = Type.Union([Type.Number(), Type.Null()], { description: "USD; null = computed" });
const DiscountRow = Type.Object({ user_id: Type.String(), chute_id: Type.String(), discount: Type.Number() });
const PriceRow = Type.Object({
  user_id: Type.String({ description: "* = everybody" }),
  chute_id: Type.String(),
  per_request: Usd,
  per_million_in: Usd,
  per_million_out: Usd,
  per_step: Usd,
});
const Part = Type.Optional(Type.Unknown());
const PriceBody = Type.Object({ per_request: Part, per_million_in: Part, per_million_out: Part, per_step: Part });

const DiscountsBody = Type.Record(Type.String(), Type.Unknown({ description: "fraction between 0 and 1" }));

const MOST_USD = 1_000_000;
const UserParams = Type.Object({ user: Type.String() });
const PriceParams = Type.Object({ user: Type.String(), chute_id: Type.String() });
const ME = { config: { auth: { purpose: "me" } } };

/** Discounts and prices that hold for single users. @see protocol 01 §6.5, §8, §9.4 */
export const priceTermRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, { db, now, directory }) => {
  const discountRows = async (userId: string) =>
    (await discountsOf(db, userId)).map(({ chuteId, discount }) => ({ user_id: userId, chute_id: chuteId, discount }));
  const priceRows = async (userId: string) => (await priceOverridesOf(db, userId)).map((row) => toWire(userId, row));
  /** Prices may also be everybody's. */
  const userIdOf = async (name: string) => (name === EVERYBODY ? EVERYBODY : (await namedAccount(db, name)).userId);

  const discounts = { 200: Type.Array(DiscountRow) };
  app.get("/users/me/discounts", { ...ME, schema: { response: discounts } }, (request) =>
    discountRows(accountOf(request).userId),
  );
  app.get("/users/:user/discounts", { ...ME, schema: { params: UserParams, response: discounts } }, async (request) => {
    requireBillingAdmin(request, now);
    return discountRows((await namedAccount(db, request.params.user)).userId);
  });
  const replace = {
    config: { auth: {} },
    schema: { params: UserParams, body: DiscountsBody, response: { 200: Type.Record(Type.String(), Type.Number()) } },
  };
  app.post("/users/:user/discounts", replace, async (request) => {
    const change = requireBillingAdmin(request, now);
    const wanted = discountsIn(checkedBody(request, DiscountsBody));
    const { userId } = await namedAccount(db, request.params.user);
    if (!(await replaceDiscounts(db, { ...change, userId }, wanted)))
      throw new AppError("not_found", "User not found.");
    directory.drop({ kind: "account", id: userId });
    return Object.fromEntries(wanted);
  });

  const prices = { 200: Type.Array(PriceRow) };
  app.get("/users/me/price_overrides", { ...ME, schema: { response: prices } }, (request) =>
    priceRows(accountOf(request).userId),
  );
  const list = { ...ME, schema: { params: UserParams, response: prices } };
  app.get("/users/:user/price_overrides", list, async (request) => {
    requireBillingAdmin(request, now);
    return priceRows(await userIdOf(request.params.user));
  });
  const one = { config: { auth: {} }, schema: { params: PriceParams, body: PriceBody, response: { 200: PriceRow } } };
  app.put("/users/:user/price_overrides/:chute_id", one, async (request) => {
    const change = requireBillingAdmin(request, now);
    const override = overrideIn(checkedBody(request, PriceBody));
    const { chute_id: chuteId } = request.params;
    if (!isUuid(chuteId)) throw new AppError("invalid", "Prices are set for the id of a chute.");
    const userId = await userIdOf(request.params.user);
    await setPriceOverride(db, { ...change, userId }, { chuteId, override });
    dropPrice(directory, userId, chuteId);
    return toWire(userId, { chuteId, ...override });
  });
  const gone = {
    config: { auth: {} },
    schema: {
      params: PriceParams,
      response: { 200: Type.Object({ chute_id: Type.String(), deleted: Type.Boolean() }) },
    },
  };
  app.delete("/users/:user/price_overrides/:chute_id", gone, async (request) => {
    const change = requireBillingAdmin(request, now);
    const { chute_id: chuteId } = request.params;
    const userId = await userIdOf(request.params.user);
    const isSet = (await priceOverridesOf(db, userId)).some((row) => row.chuteId === chuteId);
    if (!isSet) throw new AppError("not_found", "No price is set for this chute.");
    await setPriceOverride(db, { ...change, userId }, { chuteId, override: null });
    dropPrice(directory, userId, chuteId);
    return { chute_id: chuteId, deleted: true };
  });
};

function dropPrice(directory: Directory, userId: string, chuteId: string): void {
  directory.drop(userId === EVERYBODY ? { kind: "chute", id: chuteId } : { kind: "account", id: userId });
}

/** @throws AppError `invalid` for what is no price, and when no part is set */
function overrideIn(body: Readonly<Record<string, unknown>>): PriceOverride {
  const override = {
    perRequest: priceIn(body["per_request"]),
    perMillionIn: priceIn(body["per_million_in"]),
    perMillionOut: priceIn(body["per_million_out"]),
    perStep: priceIn(body["per_step"]),
  };
  if (Object.values(override).every((part) => part === null))
    throw new AppError("invalid", "Set at least one of per_request, per_million_in, per_million_out and per_step.");
  return override;
}

function priceIn(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && value >= 0 && value <= MOST_USD) return value;
  throw new AppError("invalid", `A price must be a number of USD from 0 to ${MOST_USD}.`);
}

function toWire(userId: string, row: UserPriceOverride) {
  return {
    user_id: userId,
    chute_id: row.chuteId,
    per_request: row.perRequest,
    per_million_in: row.perMillionIn,
    per_million_out: row.perMillionOut,
    per_step: row.perStep,
  };
}
