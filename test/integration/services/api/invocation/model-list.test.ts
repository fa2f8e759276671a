import { expect } from "vitest";
import type { JobResult } from "../../../../../src/jobs/job.js";
import { runJobOnce } from "../../../../../src/jobs/job-runner.js";
import { modelCacheJob } from "../../../../../src/jobs/model-cache-job.js";
import { loadConfig } from "../../../../../src/kernel/config/load.js";
import type { Config } from "../../../../../src/kernel/config/schema.js";
import { createLogger } from "../../../../../src/kernel/logger.js";
import { createMetrics } from "../../../../../src/kernel/metrics.js";
import { openModelList } from "../../../../../src/services/api/invocation/model-list.js";
import { DEFAULT_GPU_TABLE } from "../../../../../src/wire/gpu-table.js";
import { type GatewayApi, givenCaller, givenChute, send } from "../../../../support/gateway-api.js";
import { test } from "../../../../support/gateway-test.js";

const LLM_HOST = "llm.x.test";
const log = createLogger({ level: "fatal", secrets: [] });
const list = (api: GatewayApi) => send(api, { host: LLM_HOST, path: "/v1/models" });

function askEngines({ db, config, validator }: GatewayApi, now = new Date()): Promise<JobResult> {
  const { signal } = new AbortController();
  const deps = { db, log, now: () => now, signal, metrics: createMetrics(), leaseSeconds: 10 };
  return runJobOnce(deps, modelCacheJob({ db, config, signer: validator }));
}

const says =
  (...data: unknown[]) =>
  () =>
    ({ kind: "json", value: { object: "list", data } }) as const;

test("04 §12.1: the model list shows the platform's public models as their engines describe them", async ({
  db,
  world,
  api,
  owner,
}) => {
  const other = await givenCaller(db);
  const chute = await givenChute(db, { owner, name: "org/listed" });
  await givenChute(db, { owner, name: "org/cold" });
  const foreign = await givenChute(db, { owner: other, name: "org/foreign" });
  const secret = await givenChute(db, { owner, name: "org/secret", public: false });
  const engine = says({ id: "raw", root: "r", max_model_len: 4096, price: "free" }, { id: "second" });
  const instance = await world.instance(api, chute, engine);
  for (const hidden of [foreign, secret]) await world.instance(api, hidden, engine);
  expect(await askEngines(api)).toEqual({ items: 1, details: { silent: 0 } });
  const answer = await list(api);
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
  expect(answer.json).toEqual({
    object: "list",
    data: [
      {
        id: "org/listed",
        root: "r",
        max_model_len: 4096,
        chute_id: chute.chuteId,
        confidential_compute: false,
        price: { input: { usd: 0.0243 }, output: { usd: 0.0973 }, input_cache_read: { usd: 0.00243 } },
        pricing: { prompt: 0.0243, completion: 0.0973, input_cache_read: 0.00243 },
      },
    ],
  });
  expect(await askEngines(api)).toEqual({ items: 0, details: { silent: 0 } });
  expect(instance.calls.map(({ path }) => path)).toEqual(["/get_models"]);
});

test("04 §12.1: the model that was called most on the past day comes first", async ({ db, world, api, owner }) => {
  for (const [name, calls] of [
    ["a", 1],
    ["b", 3],
    ["c", 2],
  ] as const) {
    const chute = await givenChute(db, { owner, name });
    await db.updateTable("chutes").set({ invocation_count: calls }).where("chute_id", "=", chute.chuteId).execute();
    await world.instance(api, chute, says({ id: name }));
  }
  expect(await askEngines(api)).toMatchObject({ items: 3 });
  const { data } = (await list(api)).json as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(["b", "c", "a"]);
});

test("04 §12.1: a model whose engine falls silent keeps its entry until it is deleted", async ({
  db,
  world,
  api,
  owner,
}) => {
  const chute = await givenChute(db, { owner });
  let broken = false;
  const instance = await world.instance(api, chute, () =>
    broken ? { kind: "status", status: 500, body: "no" } : says({ id: "x" })(),
  );
  const names = () => db.selectFrom("cache_snapshots").select("name").execute();
  await askEngines(api);
  broken = true;
  const later = new Date(Date.now() + 400_000);
  expect(await askEngines(api, later)).toEqual({ items: 0, details: { silent: 1 } });
  expect(instance.calls).toHaveLength(2);
  expect(await names()).toEqual([{ name: `llm_details:${chute.chuteId}` }]);
  await db.deleteFrom("chutes").where("chute_id", "=", chute.chuteId).execute();
  await askEngines(api, later);
  expect(await names()).toEqual([]);
});

test("04 §12.1: an engine that says nonsense is not listed and does not keep others from being listed", async ({
  db,
  world,
  api,
  owner,
}) => {
  for (const data of ["text", ["list"], [null], [{ id: "a\0b" }], [{ id: "\ud800" }], [{ id: "x".repeat(70_000) }]]) {
    const chute = await givenChute(db, { owner });
    await world.instance(api, chute, () => ({ kind: "json", value: { data } }));
  }
  const good = await givenChute(db, { owner, name: "good" });
  await world.instance(api, good, says({ id: "x" }));
  expect(await askEngines(api)).toEqual({ items: 1, details: { silent: 6 } });
  expect((await list(api)).json).toMatchObject({ data: [{ id: "good" }] });
});

test("04 §12.1: prices follow what everybody pays and TAO, and operators replace the other members", async ({
  db,
  world,
  api,
  owner,
}) => {
  const chute = await givenChute(db, { owner, name: "org/model" });
  await world.instance(api, chute, says({ id: "x", root: "r", max_model_len: 5, description: "raw" }));
  await askEngines(api);
  const price = { per_million_in: 2, per_million_out: 8, updated_at: new Date() };
  await db
    .insertInto("price_overrides")
    .values({ user_id: "*", chute_id: chute.chuteId, ...price })
    .execute();
  const set = {
    description: "ours",
    root: "other",
    id: "other",
    max_model_len: 9,
    price: 0,
    pricing: 0,
    confidential_compute: true,
  };
  let at = new Date();
  const listed = openModelList({
    db,
    log,
    now: () => at,
    config: withOverrides(JSON.stringify({ "org/model": set })),
    gpuTable: DEFAULT_GPU_TABLE,
    taoPrice: { usd: async () => 400 },
  });
  const expected = {
    id: "org/model",
    root: "r",
    max_model_len: 5,
    description: "ours",
    chute_id: chute.chuteId,
    confidential_compute: true,
    price: {
      input: { usd: 2, tao: 0.005 },
      output: { usd: 8, tao: 0.02 },
      input_cache_read: { usd: 0.2, tao: 0.0005 },
    },
    pricing: { prompt: 2, completion: 8, input_cache_read: 0.2 },
  };
  const read = async () => (JSON.parse(String(await listed())) as { data: unknown[] }).data;
  expect(await read()).toEqual([expected]);
  await db.updateTable("chutes").set({ disabled: true }).execute();
  expect(await read()).toEqual([expected]);
  at = new Date(at.getTime() + 300_000);
  expect(await read()).toEqual([]);
});

test.for(["no json", "[1]", '{"org/model":1}'])(
  "model overrides that are %s are refused at the start",
  (text, { db }) => {
    const deps = {
      db,
      log,
      now: () => new Date(),
      config: withOverrides(text),
      gpuTable: DEFAULT_GPU_TABLE,
    };
    expect(() => openModelList(deps)).toThrow(expect.objectContaining({ kind: "config", code: "CFG001" }));
  },
);

function withOverrides(modelOverrides: string): Config {
  const gateway = { modelOverrides };
  return loadConfig({ env: {}, overrides: { environment: "dev", baseDomain: "x.test", gateway } });
}
