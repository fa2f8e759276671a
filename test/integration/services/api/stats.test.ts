import { sql } from "kysely";
import { expect } from "vitest";
import { PERMISSION } from "../../../../src/domain/accounts/account.js";
import type { SettledAttempt } from "../../../../src/domain/invocations/settled-attempt.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { signedHeaders } from "../../../../src/wire/headers.js";
import { initCrypto, keypairFromSeed } from "../../../../src/wire/keypair.js";
import { type GivenChute, givenCaller, givenChute } from "../../../support/gateway-api.js";
import { attemptOf, rollUpAll, settle } from "../../../support/invocation-rows.js";
import { NOW, type StatsApi, test } from "../../../support/stats-api.js";

const DAY_MS = 86_400_000;

async function get(api: StatsApi, url: string, apiKey?: string) {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const answer = await api.app.inject({ url, headers });
  return { status: answer.statusCode, json: answer.json<Record<string, unknown>>(), headers: answer.headers };
}

function callsOf(chute: GivenChute, changes: Partial<SettledAttempt>[]): SettledAttempt[] {
  return changes.map((change) => attemptOf("u", { chuteId: chute.chuteId, ...change }));
}

async function given(db: Db, attempts: readonly SettledAttempt[]): Promise<void> {
  await settle(db, attempts);
  await rollUpAll(db, NOW);
}

test("04 §12.2: usage is the last eleven days by day, dearest first, and stays for five minutes", async ({
  db,
  api,
}) => {
  const owner = await givenCaller(db, { username: "chutes" });
  const [cheap, dear] = [await givenChute(db, { owner }), await givenChute(db, { owner })];
  const at = (days: number) => ({ completedAt: new Date(NOW.getTime() - days * DAY_MS) });
  await given(db, [
    ...callsOf(cheap, [at(0), at(0), at(10), at(11)]),
    ...callsOf(dear, [
      { ...at(0), amountMicroUsd: 1_500_000n },
      { ...at(0), errorMessage: "RATE_LIMIT", metrics: null },
    ]),
  ]);
  const expected = [
    { chute_id: dear.chuteId, date: "2026-01-07", usd_amount: 1.5, invocation_count: 1 },
    { chute_id: cheap.chuteId, date: "2026-01-07", usd_amount: 0.000074, invocation_count: 2 },
    { chute_id: cheap.chuteId, date: "2025-12-28", usd_amount: 0.000037, invocation_count: 1 },
  ];
  const first = await get(api, "/invocations/usage");
  expect([first.status, first.json]).toEqual([200, expected]);
  expect(first.headers["content-type"]).toBe("application/json; charset=utf-8");
  await given(db, callsOf(cheap, [at(0)]));
  api.clock.now = new Date(NOW.getTime() + 100_000);
  expect((await get(api, "/invocations/usage")).json).toEqual(expected);
  api.clock.now = new Date(NOW.getTime() + 300_000);
  expect((await get(api, "/invocations/usage")).json).toMatchObject([{}, { invocation_count: 3 }, {}]);
});

test("04 §12.3: language models by day, with the rates of what was streamed", async ({ db, api }) => {
  const owner = await givenCaller(db, { username: "chutes" });
  const chute = await givenChute(db, { owner, name: "org/model" });
  const yesterday = new Date(NOW.getTime() - DAY_MS);
  await given(
    db,
    callsOf(chute, [
      // 40 tokens in the 1.5 s after the first one.
      { completedAt: NOW },
      { completedAt: NOW, metrics: { it: 20, ot: 10, ttft: 1, tps: 5, otps: 33 } },
      { completedAt: NOW, metrics: null, errorMessage: "INSTANCE_ERROR" },
      { completedAt: yesterday, metrics: { it: 7, ot: 3, ttft: null, tps: 1.5 } },
      { completedAt: yesterday, metrics: { b: 0 } },
    ]),
  );
  const row = { chute_id: chute.chuteId, name: "org/model" };
  const today = {
    ...row,
    date: "2026-01-07",
    total_requests: 2,
    total_input_tokens: 120,
    total_output_tokens: 50,
    average_tps: expect.closeTo((40 / 1.5 + 33) / 2, 9),
    average_ttft: 0.75,
  };
  const before = {
    ...row,
    date: "2026-01-06",
    total_requests: 1,
    total_input_tokens: 7,
    total_output_tokens: 3,
    average_tps: null,
    average_ttft: null,
  };
  const ask = async (query: string) => (await get(api, `/invocations/stats/llm${query}`)).json;
  expect(await ask("")).toEqual([today, before]);
  expect(await ask("?start_date=2026-01-07")).toEqual([today]);
  expect(await ask("?end_date=2026-01-06&start_date=2026-01-06")).toEqual([before]);
  expect(await ask(`?chute_id=${chute.chuteId}&start_date=&end_date=`)).toEqual([today, before]);
  expect(await ask("?chute_id=other")).toEqual([]);
});

test.for([
  "start_date=2026-02-31",
  "end_date=yesterday",
  "start_date=2026-1-1",
  "end_date=0000-01-01",
  "chute_id=a%20b",
])("04 §12.3: %s is refused", async (query, { api }) => {
  const { status, json } = await get(api, `/invocations/stats/llm?${query}`);
  expect([status, json]).toEqual([422, { detail: [expect.objectContaining({ loc: ["query", query.split("=")[0]] })] }]);
});

test("04 §12.3: today's numbers are at most as old as the roll-up", async ({ db, api }) => {
  const owner = await givenCaller(db, { username: "chutes" });
  const chute = await givenChute(db, { owner });
  expect((await get(api, "/invocations/stats/llm")).json).toEqual([]);
  await given(db, callsOf(chute, [{ completedAt: NOW }]));
  api.clock.now = new Date(NOW.getTime() + 10_000);
  expect((await get(api, "/invocations/stats/llm")).json).toMatchObject([{ total_requests: 1 }]);
});

test("04 §12.3: only names of the platform's own chutes are shown, also of those that are gone", async ({
  db,
  api,
}) => {
  const owner = await givenCaller(db, { username: "chutes" });
  const other = await givenCaller(db);
  const [gone, hidden] = [
    await givenChute(db, { owner, name: "org/gone" }),
    await givenChute(db, { owner: other, name: "org/secret" }),
  ];
  await given(db, [...callsOf(gone, [{}]), ...callsOf(hidden, [{}])]);
  await db.deleteFrom("chutes").where("chute_id", "=", gone.chuteId).execute();
  const { json } = await get(api, "/invocations/stats/llm");
  expect(
    Object.fromEntries(
      (json as unknown as { chute_id: string; name: string }[]).map((row) => [row.chute_id, row.name]),
    ),
  ).toEqual({
    [gone.chuteId]: "org/gone",
    [hidden.chuteId]: "[private]",
  });
});

test("04 §12.4: every image model has a row for every day since the first", async ({ db, api }) => {
  const owner = await givenCaller(db, { username: "chutes" });
  const [a, b] = [await givenChute(db, { owner, name: "a" }), await givenChute(db, { owner, name: "b" })];
  const at = (days: number, steps: number, sps: number) => ({
    completedAt: new Date(NOW.getTime() - days * DAY_MS),
    metrics: { steps, sps, b: 0 },
  });
  await given(db, [...callsOf(b, [at(2, 30, 2), at(2, 10, 4)]), ...callsOf(a, [at(1, 25, 5)])]);
  const { status, json } = await get(api, "/invocations/stats/diffusion");
  const row = (chute: GivenChute, date: string, [steps, requests, sps]: [number, number, number]) => ({
    chute_id: chute.chuteId,
    name: chute.name,
    date,
    total_steps: steps,
    total_requests: requests,
    average_sps: sps,
  });
  expect([status, json]).toEqual([
    200,
    [
      row(a, "2026-01-07", [0, 0, 0]),
      row(b, "2026-01-07", [0, 0, 0]),
      row(a, "2026-01-06", [25, 1, 5]),
      row(b, "2026-01-06", [0, 0, 0]),
      row(a, "2026-01-05", [0, 0, 0]),
      row(b, "2026-01-05", [40, 2, 3]),
    ],
  ]);
});

test("01 §6.5: an account sees its usage by the hour, newest first, in pages and by chute", async ({ db, api }) => {
  const [caller, other] = [await givenCaller(db), await givenCaller(db)];
  const hour = (at: string, chuteId: string, userId = caller.userId) =>
    attemptOf(userId, { completedAt: new Date(at), chuteId, amountMicroUsd: 250_000n, isCharged: false });
  await settle(db, [
    hour("2026-01-06T09:10:00Z", "c1"),
    hour("2026-01-07T10:10:00Z", "c1"),
    hour("2026-01-07T10:50:00Z", "c2"),
    hour("2026-01-07T10:20:00Z", "c2", other.userId),
  ]);
  const ask = async (query: string) => (await get(api, `/users/me/usage${query}`, caller.apiKey)).json;
  const newest = { bucket: "2026-01-07T10:00:00", amount: 0.5, count: 2, input_tokens: 200, output_tokens: 80 };
  const oldest = { bucket: "2026-01-06T09:00:00", amount: 0.25, count: 1, input_tokens: 100, output_tokens: 40 };
  expect(await ask("")).toEqual({ total: 2, page: 0, limit: 24, items: [newest, oldest] });
  expect(await ask("?limit=1&page=1")).toEqual({ total: 2, page: 1, limit: 1, items: [oldest] });
  expect(await ask("?per_chute=True")).toEqual({
    total: 3,
    page: 0,
    limit: 24,
    items: [
      { ...newest, amount: 0.25, count: 1, input_tokens: 100, output_tokens: 40, chute_id: "c2" },
      { ...newest, amount: 0.25, count: 1, input_tokens: 100, output_tokens: 40, chute_id: "c1" },
      { ...oldest, chute_id: "c1" },
    ],
  });
  expect(await ask("?chute_id=c2")).toMatchObject({ total: 1, items: [{ count: 1 }] });
  expect(await ask("?start_date=2026-01-07")).toMatchObject({ total: 1, items: [newest] });
  expect(await ask("?end_date=2026-01-06")).toMatchObject({ total: 1, items: [oldest] });
  expect(await ask("?end_date=2026-01-06T09:00:00")).toMatchObject({ total: 1, items: [oldest] });
  expect(await ask("?end_date=2026-01-06T08:59:59")).toMatchObject({ total: 0, items: [] });
  expect((await get(api, "/users/me/usage?per_chute=perhaps", caller.apiKey)).status).toBe(422);
  expect((await get(api, "/users/me/usage?start_date=soon", caller.apiKey)).status).toBe(400);
  expect((await get(api, "/users/me/usage?limit=0", caller.apiKey)).status).toBe(422);
});

test("01 §6.5: somebody else's usage is for those who administrate the money", async ({ db, api }) => {
  const caller = await givenCaller(db);
  const admin = await givenCaller(db, { permissions: PERMISSION.billingAdmin });
  await settle(db, [attemptOf(caller.userId)]);
  const ask = (user: string, apiKey?: string) => get(api, `/users/${user}/usage`, apiKey);
  expect((await ask(caller.userId)).status).toBe(401);
  expect((await ask(caller.userId, caller.apiKey)).json).toMatchObject({ total: 1 });
  expect((await ask(caller.userId, admin.apiKey)).json).toMatchObject({ total: 1 });
  expect((await ask("me", admin.apiKey)).json).toMatchObject({ total: 0 });
  expect((await ask(admin.userId, caller.apiKey)).status).toBe(403);
  expect((await ask("nobody", admin.apiKey)).status).toBe(404);
});

test("01 §2.7: usage can be asked for with a hotkey's signature over `me`", async ({ db, api }) => {
  await initCrypto();
  const signer = keypairFromSeed("11".repeat(32));
  const caller = await givenCaller(db);
  await db.updateTable("users").set({ hotkey: signer.address }).where("user_id", "=", caller.userId).execute();
  const ask = (purpose: string) =>
    api.app.inject({ url: "/users/me/usage", headers: signedHeaders(signer, { purpose }, NOW) });
  expect((await ask("me")).statusCode).toBe(200);
  expect((await ask("chutes")).statusCode).toBe(401);
});

test("04 §12: no answer reads the log of invocations", async ({ db, api }) => {
  const owner = await givenCaller(db, { username: "chutes" });
  const chute = await givenChute(db, { owner });
  await given(db, callsOf(chute, [{}]));
  const urls = [
    "/invocations/usage",
    "/invocations/stats/llm",
    "/invocations/stats/diffusion",
    "/users/me/usage",
    "/chutes/miner_means",
    `/chutes/miner_means/${chute.chuteId}.csv`,
  ];
  for (const url of urls) {
    const answer = await api.app.inject({ url, headers: { authorization: `Bearer ${owner.apiKey}` } });
    expect([url, answer.statusCode]).toEqual([url, 200]);
  }
  expect(api.statements.length).toBeGreaterThanOrEqual(urls.length);
  expect(api.statements.filter((statement) => statement.includes("invocations"))).toEqual([]);
  expect(api.statements.join()).toContain("invocation_days");
});

test("04 §12.7: a report finds its call by the index of parents, in every partition", async ({ db }) => {
  await settle(
    db,
    Array.from({ length: 500 }, () => attemptOf("u")),
  );
  await sql`analyze partitioned_invocations`.execute(db);
  const { rows } = await sql<{ "QUERY PLAN": string }>`
    explain select 1 from partitioned_invocations where parent_invocation_id = 'x' and user_id = 'u' limit 1`.execute(
    db,
  );
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("Index Scan");
  expect(plan).not.toContain("Seq Scan");
});
