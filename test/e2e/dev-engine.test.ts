import { readFileSync } from "node:fs";
import { Agent, fetch as undiciFetch } from "undici";
import { beforeAll, expect, test } from "vitest";
import { localhostLookup } from "../../src/infra/http-client/localhost-lookup.js";
import { startFakeEngine } from "../fakes/openai-engine.js";
import { build, startBinary } from "../support/binary.js";

beforeAll(build, 120_000);

test("dev --engine-url puts a real server behind the demo chute", async () => {
  const engine = await startFakeEngine("org/engine-model");
  const dev = startBinary(["dev", "--ephemeral", "--port", "0", "--engine-url", engine.url, "--json"]);
  try {
    const ready = await dev.ready;
    const { developer } = JSON.parse(readFileSync(String(ready["credentials_file"]), "utf8")) as {
      developer: { apiKey: string };
    };
    const answer = await undiciFetch(`${String(ready["llm_url"])}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${developer.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ model: ready["demo_model"], messages: [{ role: "user", content: "are you there" }] }),
      dispatcher: new Agent({ connect: { lookup: localhostLookup } }),
    });
    expect(answer.status).toBe(200);
    expect(engine.requests.map((request) => request.url)).toContain("/v1/chat/completions");
  } finally {
    await dev.stop();
    await engine.close();
  }
}, 90_000);
