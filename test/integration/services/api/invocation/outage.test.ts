import { expect } from "vitest";
import { givenCaller, givenChute, rowsOf, send } from "../../../../support/gateway-api.js";
import { test } from "../../../../support/gateway-test.js";
import { startRedisServer } from "../../../../support/redis-server.js";

const server = await startRedisServer({ own: true });

test.skipIf(server === undefined)(
  "without Redis who pays is served, and who lives on a quota is told to wait",
  async ({ db, world, owner }) => {
    if (server === undefined) throw new Error("skipped");
    world.use(server);
    const api = await world.gateway({ redisUrl: server.url });
    const paying = await givenCaller(db, { quota: 0, balanceUsd: 1 });
    const poor = await givenCaller(db);
    const chute = await givenChute(db, { owner });
    await world.instance(api, chute, () => ({
      kind: "json",
      value: { model: chute.name, choices: [], usage: { prompt_tokens: 5, completion_tokens: 0 } },
    }));
    const ask = (apiKey: string) =>
      send(api, {
        host: "llm.x.test",
        path: "/v1/chat/completions",
        apiKey,
        body: { model: chute.name, messages: [] },
      });
    expect([(await ask(paying.apiKey)).status, (await ask(poor.apiKey)).status]).toEqual([200, 200]);
    await server.kill();
    const refused = await ask(poor.apiKey);
    expect([refused.status, refused.json]).toEqual([503, { detail: "Quotas cannot be checked right now; try again." }]);
    expect((await ask(paying.apiKey)).status).toBe(200);
    const rows = await rowsOf(api, chute.chuteId);
    expect(rows.map((row) => row.error_message)).toEqual([null, null, null]);
    expect(rows.at(-1)?.amount_micro_usd).toBe(1n);
  },
);
