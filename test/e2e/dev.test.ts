import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { Agent, fetch as undiciFetch } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localhostLookup } from "../../src/infra/http-client/localhost-lookup.js";
import { build, type RunningBinary, runBinary, startBinary } from "../support/binary.js";

const dir = join(mkdtempSync(join(tmpdir(), "dev-")), "data");
let dev: RunningBinary;
let ready: Record<string, unknown> = {};

beforeAll(async () => {
  build();
  dev = startBinary(["dev", "--data-dir", dir, "--port", "0", "--miners", "2", "--json"]);
  ready = await dev.ready;
}, 180_000);

afterAll(async () => {
  await dev?.stop();
}, 30_000);

const agent = new Agent({ connect: { lookup: localhostLookup } });
/** glibc does not resolve *.localhost everywhere; clients on such machines need a lookup or a Host header. */
const localFetch = ((url: string, init: object) =>
  undiciFetch(url, { ...init, dispatcher: agent } as never)) as unknown as typeof fetch;

function apiKey(): string {
  return (JSON.parse(readFileSync(String(ready["credentials_file"]), "utf8")) as { developer: { apiKey: string } })
    .developer.apiKey;
}

function client(baseURL: string): OpenAI {
  return new OpenAI({ baseURL, apiKey: apiKey(), fetch: localFetch, maxRetries: 0 });
}

async function streamedText(openai: OpenAI, model: string): Promise<{ text: string; usage: number }> {
  const stream = await openai.chat.completions.create({
    model,
    messages: [{ role: "user", content: "one two three four" }],
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage?.completion_tokens ?? usage;
  }
  return { text, usage };
}

test("secrets lie in files that only their owner can read", () => {
  for (const file of ["credentials_file", "config_file", "sdk_config_file"])
    expect(statSync(String(ready[file])).mode & 0o777).toBe(0o600);
});

test("the output of dev holds no secret", () => {
  const { validatorSeed, walletKey, redisPassword } = JSON.parse(
    readFileSync(String(ready["credentials_file"]), "utf8"),
  ) as Record<string, string>;
  for (const secret of [validatorSeed, walletKey, redisPassword, apiKey()]) expect(dev.output()).not.toContain(secret);
});

test("the openai client streams from the llm host", async () => {
  const { text, usage } = await streamedText(client(String(ready["llm_url"])), String(ready["demo_model"]));
  expect(text).toContain("one two three four");
  expect(usage).toBeGreaterThan(0);
});

test("the openai client streams from the chute's own host", async () => {
  const api = String(ready["api_url"]);
  const chute = (await (await localFetch(`${api}/chutes/${String(ready["demo_model"])}`)).json()) as { slug: string };
  const port = new URL(api).port;
  const { text } = await streamedText(client(`http://${chute.slug}.localhost:${port}/v1`), String(ready["demo_model"]));
  expect(text).toContain("one two three four");
});

test("the openai client lists models without knowing a chute", async () => {
  const models = client(String(ready["llm_url"])).models;
  // A running instance is asked for the model's details first.
  const listed = async () => (await models.list()).data.map((model) => model.id);
  await expect.poll(listed, { timeout: 15_000, interval: 250 }).toContain(ready["demo_model"]);
});

test("docs and the OpenAPI document describe the API", async () => {
  const api = String(ready["api_url"]);
  const document = (await (await localFetch(`${api}/openapi.json`)).json()) as { paths: object };
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(["/users/register", "/chutes/", "/nodes/", "/audit/"]),
  );
  expect(await (await localFetch(`${api}/docs`)).text()).toContain("/users/register");
});

test("a second dev on the same directory is refused", async () => {
  const { code, stderr } = await runBinary(["dev", "--data-dir", dir, "--port", "0"]);
  expect(code).toBe(5);
  expect(stderr).toContain("DEV002");
});

test("the tour holds against the running platform", async () => {
  const { code, stdout, stderr } = await runBinary(["dev", "tour", "--data-dir", dir, "--json"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as { steps: unknown[] }).steps).toHaveLength(13);
}, 120_000);

test("the embedded Postgres is started again when it is killed, and nothing is lost", async () => {
  const pid = Number(readFileSync(join(dir, "postgres/data/postmaster.pid"), "utf8").split("\n")[0]);
  process.kill(pid, "SIGKILL");
  const ask = async () => (await localFetch(`${String(ready["api_url"])}/ping`)).status;
  await expect.poll(ask, { timeout: 30_000, interval: 200 }).toBe(200);
  await expect
    .poll(async () => (await streamedText(client(String(ready["llm_url"])), String(ready["demo_model"]))).usage, {
      timeout: 30_000,
    })
    .toBeGreaterThan(0);
}, 70_000);

test("kill -9 leaves no child, and the next start continues with the same data", async () => {
  const key = apiKey();
  const children = childrenOf(dev.child.pid ?? 0);
  expect(children.length).toBeGreaterThan(0);
  await dev.stop("SIGKILL");
  await expect.poll(() => children.filter(isAlive), { timeout: 15_000 }).toEqual([]);
  dev = startBinary(["dev", "--data-dir", dir, "--port", "0", "--miners", "2", "--json"]);
  ready = await dev.ready;
  expect(apiKey()).toBe(key);
  expect((await streamedText(client(String(ready["llm_url"])), String(ready["demo_model"]))).usage).toBeGreaterThan(0);
}, 120_000);

test("Ctrl-C stops everything and leaves no child", async () => {
  const children = childrenOf(dev.child.pid ?? 0);
  expect(await dev.stop("SIGINT")).toBe(0);
  await expect.poll(() => children.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  expect(existsSync(join(dir, "dev.lock"))).toBe(false);
}, 60_000);

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((candidate) => Number.isInteger(candidate) && parentOf(candidate) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    // After the program's name, which may hold anything: state, then the parent's id.
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1]);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/\bZ\b/.test(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] ?? "");
  } catch {
    return false;
  }
}
