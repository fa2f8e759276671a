import { expect } from "vitest";
import { call, givenDeveloper, startAccountApi } from "../../../support/account-api.js";
import { moneyTest as test } from "../../../support/money-test.js";

const CHUTE = "f97cf5ef-3f14-5f63-9046-bbd1e8170cda";

test("03 §20.8: prices of hardware, with TAO fixed at 400 USD", async ({ db, log }) => {
  const api = await startAccountApi({ db, log, settings: { pricing: { taoUsd: 400 } } });
  try {
    const answer = await call(api, { url: "/pricing" });
    expect(answer.headers["cache-control"]).toBe("public, max-age=60");
    expect(answer.json()).toMatchObject({
      tao_usd: 400,
      compute_unit_estimate: { usd: 0.2 / 3600, tao: 0.2 / 3600 / 400 },
      gpu_price_estimates: { h200: { usd: { hour: 2.75, second: 2.75 / 3600 }, tao: { hour: 0.006875 } } },
    });
    expect((await call(api, { url: "/fmv" })).json()).toEqual({ tao: 400 });
  } finally {
    await api.close();
  }
});

test("03 §7.4: without a price of TAO nothing is made up", async ({ api }) => {
  for (const url of ["/pricing", "/fmv"]) {
    const answer = await call(api, { url });
    expect([answer.statusCode, answer.json()]).toEqual([503, { detail: expect.stringContaining("TAO") }]);
  }
});

test("03 §5.3, §17.19: the fee of a selector can be asked for before deploying", async ({ api }) => {
  const fee = (query: string) => call(api, { url: `/chutes/fee_estimate?${query}` });
  const vectors = [
    ["", 0.6, 0.2],
    ["gpu_count=1&include=pro_6000", 5.4, 1.8],
    ["gpu_count=8&include=h200", 66, 22],
    ["gpu_count=2&min_vram_gb_per_gpu=80", 3.6, 1.2],
    ["include=H200,h20&include=l40", 1.65, 0.55],
  ] as const;
  for (const [query, usd, min] of vectors) {
    const answer = (await fee(query)).json<{ usd: number; hourly: { min: number } }>();
    expect([query, answer.usd, Number(answer.hourly.min.toFixed(6))]).toEqual([query, usd, min]);
  }
  expect((await fee("include=h999")).statusCode).toBe(400);
  expect((await fee("gpu_count=9")).statusCode).toBe(422);
  expect((await fee("gpu_count=one")).statusCode).toBe(422);
});

test("01 §8: discounts are replaced whole and read by both sides", async ({ api, admin }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const set = (body: unknown) => call(api, { url: "/users/alice/discounts", body, signer: admin.signer });
  expect((await set({ "*": 0.25, [CHUTE]: 0.5 })).json()).toEqual({ "*": 0.25, [CHUTE]: 0.5 });
  expect((await set({ "*": 0.1 })).statusCode).toBe(200);
  const rows = [{ user_id: alice.userId, chute_id: "*", discount: 0.1 }];
  const mine = await call(api, { url: "/users/me/discounts", signer: alice.signer, purpose: "me" });
  expect(mine.json()).toEqual(rows);
  const theirs = await call(api, { url: `/users/${alice.userId}/discounts`, signer: admin.signer, purpose: "me" });
  expect(theirs.json()).toEqual(rows);
  for (const bad of ['{"*":0}', '{"*":1}', '{"*":"0.5"}', '{"*":true}', '{"x":0.5}', '{"*":1e308}', '{"*":-0.5}']) {
    const headers = { "content-type": "application/json" };
    const answer = await call(api, { url: "/users/alice/discounts", body: bad, signer: admin.signer, headers });
    expect([bad, answer.statusCode]).toEqual([bad, 400]);
  }
  expect((await call(api, { url: "/users/nobody/discounts", body: {}, signer: admin.signer })).statusCode).toBe(404);
  expect((await call(api, { url: "/users/alice/discounts", body: {}, signer: alice.signer })).statusCode).toBe(403);
});

test("01 §9.4: prices are set for one user or for everybody, and taken back", async ({ api, admin }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const put = (user: string, body: object) =>
    call(api, {
      method: "PUT",
      url: `/users/${encodeURIComponent(user)}/price_overrides/${CHUTE}`,
      body,
      signer: admin.signer,
    });
  const row = {
    user_id: alice.userId,
    chute_id: CHUTE,
    per_request: null,
    per_million_in: 0.5,
    per_million_out: 2,
    per_step: null,
  };
  expect((await put("alice", { per_million_in: 0.5, per_million_out: 2 })).json()).toEqual(row);
  expect((await put("*", { per_request: 0 })).json()).toMatchObject({ user_id: "*", per_request: 0 });
  const mine = await call(api, { url: "/users/me/price_overrides", signer: alice.signer, purpose: "me" });
  expect(mine.json()).toEqual([row]);
  const events = await api.db.selectFrom("outbox").select("payload").execute();
  expect(events.map(({ payload }) => payload)).toContainEqual({ kind: "chute", id: CHUTE });
  for (const bad of [{}, { per_request: -1 }, { per_request: "1" }, { per_step: true }, { per_request: 1e308 }]) {
    expect([bad, (await put("alice", bad)).statusCode]).toEqual([bad, 400]);
  }
  const gone = { method: "DELETE", url: `/users/alice/price_overrides/${CHUTE}`, signer: admin.signer } as const;
  expect((await call(api, gone)).json()).toEqual({ chute_id: CHUTE, deleted: true });
  api.clock.now = new Date(api.clock.now.getTime() + 1000);
  expect((await call(api, gone)).statusCode).toBe(404);
  const everybody = await call(api, { url: "/users/*/price_overrides", signer: admin.signer, purpose: "me" });
  expect(everybody.json()).toHaveLength(1);
});
