import { expect, vi } from "vitest";
import { replaceDiscounts, setPriceOverride } from "../../../../../src/domain/billing/entitlement-repository.js";
import type { PriceOverride } from "../../../../../src/domain/billing/price.js";
import type { Db } from "../../../../../src/infra/postgres/client.js";
import { TEMPLATE_CORDS } from "../../../../../src/wire/cords.js";
import type { Behaviour } from "../../../../fakes/instance.js";
import { cord, type GivenChute, givenCaller, givenChute, rowsOf, send } from "../../../../support/gateway-api.js";
import { test } from "../../../../support/gateway-test.js";

const CHAT = "/v1/chat/completions";
const NO_PRICE: PriceOverride = { perRequest: null, perMillionIn: null, perMillionOut: null, perStep: null };
/** Long enough that the counts below are believed. */
const LONG = "word ".repeat(80_000);
/** A tenth of a million tokens either way, at 0.0243 and 0.0973 USD a million on one H100. */
const TENTH: Behaviour = {
  kind: "json",
  value: {
    choices: [{ message: { content: LONG } }],
    usage: { prompt_tokens: 100_000, completion_tokens: 100_000 },
  },
};

const change = (userId: string) => ({ userId, actor: "test", clientAddress: null, now: new Date() });

function setDiscount(db: Db, userId: string, discounts: Record<string, number>) {
  return replaceDiscounts(db, change(userId), new Map(Object.entries(discounts)));
}

function setPrice(db: Db, userId: string, [chute, price]: [GivenChute, Partial<PriceOverride>]) {
  return setPriceOverride(db, change(userId), { chuteId: chute.chuteId, override: { ...NO_PRICE, ...price } });
}

test("04 §10.2: tokens cost less with a discount, and what was set instead of the computed price", async ({
  db,
  world,
  api,
  owner,
}) => {
  const chute = await givenChute(db, { owner });
  await world.instance(api, chute, () => TENTH);
  const paid = async (prepare: (userId: string) => Promise<unknown>) => {
    const caller = await givenCaller(db, { quota: 0, balanceUsd: 100 });
    await prepare(caller.userId);
    const body = { model: chute.name, messages: [{ role: "user", content: `${caller.userId} ${LONG}` }] };
    const answer = await send(api, { host: "llm.x.test", path: CHAT, apiKey: caller.apiKey, body });
    expect(answer.status).toBe(200);
    const rows = await rowsOf(api, chute.chuteId);
    return rows.find((row) => row.user_id === caller.userId)?.amount_micro_usd;
  };
  expect(await paid(async () => undefined)).toBe(12_160n);
  expect(await paid((id) => setDiscount(db, id, { "*": 0.5 }))).toBe(6_080n);
  expect(await paid((id) => setDiscount(db, id, { [chute.chuteId]: 0.5 }))).toBe(6_080n);
  const own = async (id: string) => {
    await setDiscount(db, id, { "*": 0.5 });
    await setPrice(db, id, [chute, { perMillionIn: 1, perMillionOut: 2 }]);
  };
  expect(await paid(own)).toBe(300_000n);
  await setPrice(db, "*", [chute, { perMillionIn: 1, perMillionOut: 4 }]);
  await api.redis.publish("cache_invalidate", JSON.stringify({ kind: "chute", id: chute.chuteId }));
  await vi.waitFor(async () => expect(await paid(async () => undefined)).toBe(500_000n));
  expect(await paid((id) => setDiscount(db, id, { "*": 0.5 }))).toBe(250_000n);
  expect(await paid(own)).toBe(300_000n);
});

test("04 §10.3, §10.4: set prices of other calls are final, computed ones know the discount", async ({
  db,
  world,
  api,
  owner,
}) => {
  const embedding = await givenChute(db, { owner, template: "embedding", cords: TEMPLATE_CORDS.embedding });
  const diffusion = await givenChute(db, { owner, template: "diffusion", cords: [cord("generate")] });
  await world.instance(api, embedding, () => ({ kind: "json", value: { data: [] } }));
  await world.instance(api, diffusion, () => ({ kind: "json", value: {} }));
  const { userId, apiKey } = await givenCaller(db, { quota: 0, balanceUsd: 100 });
  await setDiscount(db, userId, { "*": 0.5 });
  const embed = (input: string) =>
    send(api, { host: "embed.x.test", path: "/v1/embeddings", apiKey, body: { model: embedding.name, input } });
  const paint = (prompt: string) =>
    send(api, {
      host: "image.x.test",
      path: "/generate",
      apiKey,
      body: { model: diffusion.name, prompt, num_inference_steps: 10 },
    });
  await embed("a");
  await paint("a");
  const amounts = async (chute: GivenChute) =>
    (await rowsOf(api, chute.chuteId)).map(({ amount_micro_usd: amount }) => amount);
  expect(await amounts(embedding)).toEqual([249n]);
  expect(await amounts(diffusion)).toEqual([17_900n]);
  await setPrice(db, userId, [embedding, { perRequest: 0.25, perStep: 3 }]);
  await setPrice(db, userId, [diffusion, { perStep: 0.01 }]);
  await api.redis.publish("cache_invalidate", JSON.stringify({ kind: "account", id: userId }));
  await vi.waitFor(async () => {
    await embed(`b ${Date.now()}`);
    expect((await amounts(embedding)).at(-1)).toBe(250_000n);
  });
  await paint("b");
  expect((await amounts(diffusion)).at(-1)).toBe(100_000n);
});
