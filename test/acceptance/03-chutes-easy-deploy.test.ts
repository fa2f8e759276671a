import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { pythonSyntaxError } from "../../src/domain/chutes/python-syntax.js";
import {
  type AccountApi,
  call,
  type Developer,
  givenDeveloper,
  givenImage,
  startAccountApi,
} from "../support/account-api.js";
import { test as base } from "../support/fixtures.js";

const PUBLISHER = 16 | 2048;
const REVISION = "0123456789abcdef0123456789abcdef01234567";

interface Fixtures {
  /** With easy deploys, model cards in a folder, and images of the platform. */
  api: AccountApi;
  alice: Developer;
}

const test = base.extend<Fixtures>({
  api: async ({ db, log }, use) => {
    const folder = await mkdtemp(join(tmpdir(), "cards-"));
    await mkdir(join(folder, "org"));
    const config = { model_type: "llama", num_attention_heads: 64, hidden_size: 8192, max_position_embeddings: 8192 };
    await writeFile(join(folder, "org/big.json"), JSON.stringify({ config, total_size: 141e9, revision: REVISION }));
    const deploy = { easyDeploy: true, modelCardDir: folder };
    const api = await startAccountApi({ db, log, settings: { deploy } });
    const founder = await givenDeveloper(api, { username: "founder" });
    await givenImages(api, founder);
    // Nobody can register the platform's name; its account is made otherwise.
    await db.updateTable("users").set({ username: "chutes" }).execute();
    await use(api);
    await api.close();
    await rm(folder, { recursive: true });
  },
  alice: async ({ api }, use) => use(await givenDeveloper(api, { username: "alice", permissions: PUBLISHER })),
});

async function givenImages(api: AccountApi, founder: Developer): Promise<void> {
  for (const [name, tag] of [
    ["vllm", "1.0"],
    ["vllm", "2.0"],
    ["vllm", "3.0.rc1"],
    ["diffusion", "1.0"],
    ["tei", "1.0"],
  ]) {
    await givenImage(api, founder, { name: name ?? "", tag: tag ?? "", public: true });
    api.clock.now = new Date(api.clock.now.getTime() + 1000);
  }
}

const easily = (api: AccountApi, user: Developer, ...[template, body]: [template: string, body: unknown]) =>
  call(api, { url: `/chutes/${template}?accept_fee=true`, body, signer: user.signer });

async function sourceOf(api: AccountApi, chuteId: string): Promise<string> {
  const { code } = await api.db
    .selectFrom("chutes")
    .select("code")
    .where("chute_id", "=", chuteId)
    .executeTakeFirstOrThrow();
  expect(pythonSyntaxError(code)).toBeUndefined();
  return code;
}

test("03 §10.4: a language model is deployed by its name on the hardware that it needs", async ({ api, alice }) => {
  const response = await easily(api, alice, "vllm", { model: "org/big", engine_args: { max_model_len: 32_768 } });
  expect(response.statusCode, response.body).toBe(200);
  expect(response.json()).toMatchObject({
    name: "org/big",
    public: true,
    standard_template: "vllm",
    revision: REVISION,
    concurrency: 8,
    image: { name: "vllm", tag: "2.0" },
    node_selector: { gpu_count: 2, min_vram_gb_per_gpu: 96 },
  });
  const code = await sourceOf(api, response.json().chute_id);
  expect(code).toContain('engine_args="--max-model-len 8192 --trust-remote-code"');
  expect(code).toContain("node_selector=NodeSelector(gpu_count=2, min_vram_gb_per_gpu=96)");
});

test("03 §10.4: pictures and embeddings are deployed by their model, too", async ({ api, alice }) => {
  const pictures = { model: "https://civitai.com/models/12345/some-model", name: "my/pictures", public: false };
  const drawn = (await easily(api, alice, "diffusion", pictures)).json();
  expect(drawn).toMatchObject({ name: "my/pictures", public: false, standard_template: "diffusion" });
  expect(await sourceOf(api, drawn.chute_id)).toContain(
    'model_name_or_url="https://civitai.com/models/12345/some-model"',
  );
  const embedding = { model: "org/embed", endpoints: ["embed", "rerank", "embed"], revision: REVISION };
  const embedded = (await easily(api, alice, "tei", embedding)).json();
  expect(embedded.cords.map(({ public_api_path }: { public_api_path: string }) => public_api_path)).toEqual([
    "/embed",
    "/rerank",
  ]);
  expect(embedded.supported_gpus).not.toContain("h100");
  expect(await sourceOf(api, embedded.chute_id)).toContain("async def rerank(data):");
});

test("03 §10.4: what cannot be deployed by name", async ({ api, alice }) => {
  const answers: [template: string, body: unknown, status: number, detail: string][] = [
    ["vllm", { model: "org/unknown" }, 400, "revision"],
    ["vllm", { model: "../big" }, 422, ""],
    ["vllm", { model: 'org/x"; import os' }, 422, ""],
    ["vllm", { model: "org/big", engine_args: { tokenizer: "a b" } }, 422, ""],
    ["vllm", { model: "org/big", node_selector: { gpu_count: 9 } }, 422, ""],
    ["diffusion", { model: "http://example.org/x", name: "abc" }, 422, ""],
    ["diffusion", { model: "org/x", name: "a b" }, 400, "chute name"],
    ["tei", { model: "org/x", endpoints: [] }, 422, ""],
    ["tei", { model: "org/x", endpoints: ["chat"] }, 422, ""],
  ];
  for (const [template, body, status, detail] of answers) {
    const response = await easily(api, alice, template, body);
    expect([template, body, response.statusCode]).toEqual([template, body, status]);
    if (detail !== "") expect(response.json().detail).toContain(detail);
  }
});

test("03 §10.4: easy deploys are off unless the operator wants them", async ({ db, log }) => {
  const api = await startAccountApi({ db, log });
  const bob = await givenDeveloper(api, { username: "bob", permissions: PUBLISHER });
  for (const template of ["vllm", "diffusion", "tei"])
    expect((await easily(api, bob, template, { model: "org/big" })).statusCode).toBe(403);
  await api.close();
});
