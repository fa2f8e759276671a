import { expect } from "vitest";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { givenCaller, givenChute } from "../../../support/gateway-api.js";
import { attemptOf, rollUpAll, settle } from "../../../support/invocation-rows.js";
import { NOW, type StatsApi, test } from "../../../support/stats-api.js";

const get = (api: StatsApi, path: string) => api.app.inject({ url: `/chutes/miner_means${path}` });

async function givenMeans(db: Db) {
  const owner = await givenCaller(db, { username: "chutes" });
  const stranger = await givenCaller(db);
  const shown = await givenChute(db, { owner, name: "org/<b>model" });
  const hidden = await givenChute(db, { owner: stranger, name: "org/secret", public: false });
  const image = await givenChute(db, { owner, name: "org/image", template: "diffusion" });
  const at = { chuteId: shown.chuteId, completedAt: new Date("2026-01-07T03:00:00Z") };
  await settle(db, [
    attemptOf("u", { ...at, instanceId: "i1", minerHotkey: "5One", metrics: { it: 1, ot: 10, tps: 4 } }),
    attemptOf("u", { ...at, instanceId: "i1", minerHotkey: "5One", metrics: { it: 1, ot: 20, tps: 5 } }),
    attemptOf("u", { ...at, instanceId: "i2", minerHotkey: "5<Two>", metrics: { it: 1, ot: 90 } }),
    attemptOf("u", { ...at, instanceId: "i3", completedAt: new Date("2026-01-05T03:00:00Z") }),
    attemptOf("u", { ...at, instanceId: "i4", errorMessage: "INSTANCE_ERROR", metrics: null }),
    attemptOf("u", { chuteId: hidden.chuteId, completedAt: at.completedAt }),
    attemptOf("u", { chuteId: image.chuteId, completedAt: at.completedAt, metrics: { steps: 3, sps: 1 } }),
  ]);
  await rollUpAll(db, NOW);
  return { shown, hidden, image };
}

test("03 §9.8: the means of a model are those of its instances over a day, longest answers first", async ({
  db,
  api,
}) => {
  const { shown } = await givenMeans(db);
  const json = await get(api, `/${shown.chuteId}.json`);
  expect(json.json()).toEqual([
    { miner_hotkey: "5<Two>", instance_id: "i2", avg_tps: null, avg_output_tokens: 90 },
    { miner_hotkey: "5One", instance_id: "i1", avg_tps: 4.5, avg_output_tokens: 15 },
  ]);
  const csv = await get(api, `/${shown.chuteId}.csv`);
  expect(csv.headers["content-type"]).toContain("text/csv");
  expect(csv.body).toBe(
    "instance_id,miner_hotkey,avg_tps,avg_output_tokens\r\ni2,5<Two>,,90.0\r\ni1,5One,4.5,15.0\r\n",
  );
});

test("03 §9.8: the pages escape what developers and miners wrote, and mask private names", async ({ db, api }) => {
  const { shown, hidden, image } = await givenMeans(db);
  const index = await get(api, "");
  expect(index.headers["content-type"]).toContain("text/html");
  expect(index.body).toContain(`<a href="/chutes/miner_means/${shown.chuteId}">org/&lt;b&gt;model</a>`);
  expect(index.body).toContain(`<a href="/chutes/miner_means/${hidden.chuteId}">[private]</a>`);
  expect(index.body).not.toContain(image.chuteId);
  const page = await get(api, `/${shown.chuteId}`);
  expect(page.headers["content-security-policy"]).toBe("default-src 'none'");
  expect(page.body).toContain("5&lt;Two&gt;");
  expect((await get(api, `/${hidden.chuteId}`)).body).not.toContain("secret");
});

test.for(["/unknown", "/unknown.json", "/a%20b", "/a.txt"])(
  "03 §9.8: there is nothing at %s",
  async (path, { api }) => {
    const answer = await get(api, path);
    expect([answer.statusCode, answer.json()]).toEqual([404, { detail: "Chute not found." }]);
  },
);
