import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect } from "vitest";
import { createHttpServer, type HttpServer } from "../../src/infra/http-server/server.js";
import { loadConfig } from "../../src/kernel/config/load.js";
import { createLogger } from "../../src/kernel/logger.js";
import { guessRoutes } from "../../src/services/api/routes/guess-routes.js";
import { DEFAULT_GPU_TABLE } from "../../src/wire/gpu-table.js";

interface StubModel {
  readonly config?: unknown;
  readonly index?: unknown;
  readonly configStatus?: number;
  /** Bytes by file, as the hub tells them in a header. */
  readonly files?: Readonly<Record<string, number>>;
}

interface Hub {
  readonly models: Map<string, StubModel>;
  readonly asked: string[];
  /** Most requests for sizes that were open at once. */
  readonly most: () => number;
  readonly url: string;
}

interface Fixtures {
  hub: Hub;
  open: (deploy: Readonly<Record<string, unknown>>) => Promise<HttpServer>;
  folder: string;
  /** The route in front of the hub. */
  api: HttpServer;
}

const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  hub: async ({}, use) => {
    const models = new Map<string, StubModel>();
    const asked: string[] = [];
    const heads = { open: 0, most: 0 };
    const server = createServer((request, response) => {
      const [, org, name, kind, , ...file] = (request.url ?? "").split("/");
      asked.push(`${request.method} ${request.url}`);
      const model = models.get(`${org}/${name}`) ?? {};
      if (request.method === "HEAD") {
        heads.open += 1;
        heads.most = Math.max(heads.most, heads.open);
        setTimeout(() => {
          heads.open -= 1;
          response.writeHead(302, { "x-linked-size": String(model.files?.[file.join("/")] ?? "") }).end();
        }, 5);
        return;
      }
      const body = file[0] === "config.json" ? model.config : model.index;
      const status = file[0] === "config.json" ? model.configStatus : undefined;
      response.writeHead(status ?? (body === undefined || kind !== "raw" ? 404 : 200)).end(JSON.stringify(body ?? ""));
    });
    await use({ models, asked, most: () => heads.most, url: await listening(server) });
    server.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "cards-"));
    await use(folder);
    await rm(folder, { recursive: true });
  },
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  open: async ({}, use) => {
    const opened: HttpServer[] = [];
    await use(async (deploy) => {
      const log = createLogger({ level: "fatal", secrets: [] });
      const config = loadConfig({ env: {}, overrides: { environment: "dev", deploy } });
      const app = createHttpServer({ log, maxBodyBytes: 1000, trustedProxies: "127.0.0.1" });
      await app.register(guessRoutes, { config, gpuTable: DEFAULT_GPU_TABLE, now: () => new Date() });
      await app.ready();
      opened.push(app);
      return app;
    });
    for (const app of opened) await app.close();
  },
  api: async ({ open, hub }, use) => use(await open({ modelHubUrl: hub.url })),
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const guess = (api: HttpServer, model: string) =>
  api.inject({ url: `/guess/vllm_config?model=${encodeURIComponent(model)}` });

const index = (total_size: number) => ({ metadata: { total_size }, weight_map: {} });
const shape = (num_attention_heads: number, hidden_size: number) => ({
  num_attention_heads,
  hidden_size,
  num_key_value_heads: 8,
  num_hidden_layers: 32,
});

type Shape = ReturnType<typeof shape>;

const ROWS: [model: string, described: StubModel, expected: Record<string, unknown> | undefined][] = [
  [
    "org/llama-8b",
    { config: { model_type: "llama", ...shape(32, 4096) }, index: index(16_060_522_496) },
    { total_model_size: 15, required_gpus: 1, min_vram_per_gpu: 24, model_type: "llama", quantization: "none" },
  ],
  [
    "org/llama-70b",
    { config: { model_type: "llama", ...shape(64, 8192) }, index: index(141_107_412_992) },
    { total_model_size: 132, required_gpus: 2, min_vram_per_gpu: 96, model_type: "llama", quantization: "none" },
  ],
  [
    "org/deepseek",
    {
      config: { model_type: "deepseek_v3", quantization_config: { quant_method: "fp8" }, ...shape(128, 7168) },
      index: index(688_586_727_753),
    },
    { total_model_size: 642, required_gpus: 4, min_vram_per_gpu: 140, model_type: "deepseek", quantization: "fp8" },
  ],
  [
    "org/phi",
    {
      config: { architectures: ["Phi3ForCausalLM"], quantization_config: { bits: 4 }, ...shape(40, 5120) },
      index: index(5 * 2 ** 30),
    },
    { total_model_size: 5, required_gpus: 1, min_vram_per_gpu: 16, model_type: "phi", quantization: "4bit" },
  ],
  ["org/huge", { config: { model_type: "other", ...shape(64, 8192) }, index: index(1.34e12) }, undefined],
];

test.for(ROWS)(
  "03 §20.20: %s needs the hardware of the chapter",
  async ([model, described, expected], { api, hub }) => {
    hub.models.set(model, described);
    const answer = await guess(api, model);
    expect(answer.statusCode).toBe(expected === undefined ? 400 : 200);
    if (expected === undefined) return expect(answer.json().detail).toContain("GB");
    const { num_attention_heads, num_key_value_heads, hidden_size, num_hidden_layers } = described.config as Shape;
    const copied = { num_attention_heads, num_key_value_heads, hidden_size, num_layers: num_hidden_layers };
    expect(answer.json()).toEqual({ ...expected, ...copied });
  },
);

test("03 §10.5: without a total the sizes of the files are added up, eight at a time", async ({ api, hub }) => {
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`part/model-${n}.safetensors`, 2 ** 30 / 4]));
  const weight_map = Object.fromEntries(
    Object.keys(files).flatMap((file) => [
      [`a.${file}`, file],
      [`b.${file}`, file],
    ]),
  );
  hub.models.set("org/parts", { config: shape(32, 4096), index: { metadata: {}, weight_map }, files });
  expect((await guess(api, "org/parts")).json()).toMatchObject({ total_model_size: 10, min_vram_per_gpu: 16 });
  expect(hub.asked.filter((line) => line.startsWith("HEAD"))).toHaveLength(40);
  expect(hub.most()).toBeLessThanOrEqual(8);
  await guess(api, "org/parts");
  expect(hub.asked).toHaveLength(42);
});

test("03 §10.5: without a list the description is counted", async ({ api, hub }) => {
  hub.models.set("org/known", { config: { num_parameters: 8 * 2 ** 30, ...shape(32, 4096) } });
  hub.models.set("org/dense", { config: { ...shape(32, 4096), vocab_size: 128_256 } });
  const experts = { n_routed_experts: 64, n_shared_experts: 2, intermediate_size: 10_944, moe_intermediate_size: 1408 };
  hub.models.set("org/experts", { config: { ...shape(16, 2048), vocab_size: 102_400, ...experts } });
  hub.models.set("org/nothing", { config: { model_type: "llama" } });
  expect((await guess(api, "org/known")).json().total_model_size).toBe(16);
  expect((await guess(api, "org/dense")).json().total_model_size).toBe(6);
  expect((await guess(api, "org/experts")).json().total_model_size).toBe(30);
  expect((await guess(api, "org/nothing")).statusCode).toBe(400);
});

test("03 §10.5: more files than may be asked for leave the description to count", async ({ api, hub }) => {
  const weight_map = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`w${n}`, `m-${n}.safetensors`]));
  hub.models.set("org/many", { config: { num_parameters: 2 ** 30, ...shape(32, 4096) }, index: { weight_map } });
  expect((await guess(api, "org/many")).json().total_model_size).toBe(2);
  expect(hub.asked.filter((line) => line.startsWith("HEAD"))).toEqual([]);
});

test("03 §10.5: what is no model of the hub's is refused, and nothing else is asked for", async ({
  api,
  hub,
  open,
}) => {
  hub.models.set("org/gated", { config: {}, configStatus: 401 });
  hub.models.set("org/garbage", { config: [1] });
  for (const model of ["org/none", "org/gated", "org/garbage"]) expect((await guess(api, model)).statusCode).toBe(404);
  hub.asked.length = 0;
  for (const model of ["name", "a/b/c", "../secret", "org/..", "./x", "a b/c", "org/x?y", ""])
    expect((await guess(api, model)).statusCode, model).toBe(422);
  expect((await api.inject({ url: "/guess/vllm_config" })).statusCode).toBe(422);
  expect(hub.asked).toEqual([]);
  const away = await open({ modelHubUrl: "http://127.0.0.1:1" });
  expect((await guess(away, "org/x")).statusCode).toBe(503);
});

test("03 §10.5: a folder of model cards needs no hub", async ({ open, folder, hub }) => {
  const api = await open({ modelHubUrl: hub.url, modelCardDir: folder });
  const config = { model_type: "llama", ...shape(32, 4096) };
  await mkdir(join(folder, "org/clone"), { recursive: true });
  await writeFile(join(folder, "org/card.json"), JSON.stringify({ config, total_size: 16_060_522_496 }));
  await writeFile(join(folder, "org/estimated.json"), JSON.stringify({ config: { ...config, vocab_size: 128_256 } }));
  await writeFile(join(folder, "org/clone/config.json"), JSON.stringify(config));
  await writeFile(join(folder, "org/clone/model.safetensors"), "");
  await truncate(join(folder, "org/clone/model.safetensors"), 3 * 2 ** 30);
  expect((await guess(api, "org/card")).json()).toMatchObject({ total_model_size: 15, min_vram_per_gpu: 24 });
  expect((await guess(api, "org/estimated")).json()).toMatchObject({ total_model_size: 6 });
  expect((await guess(api, "org/clone")).json()).toMatchObject({ total_model_size: 3, min_vram_per_gpu: 16 });
  expect((await guess(api, "org/unknown")).statusCode).toBe(404);
  expect(hub.asked).toEqual([]);
});
