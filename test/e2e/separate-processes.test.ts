import { beforeAll, expect } from "vitest";
import { openRedis } from "../../src/infra/redis/client.js";
import { createLogger } from "../../src/kernel/logger.js";
import { deployDemo } from "../../src/local/demo.js";
import { DEMO_CHUTE } from "../../src/local/seed.js";
import { signedHeaders } from "../../src/wire/headers.js";
import { chuteIdOf } from "../../src/wire/ids.js";
import { keypairFromSeed } from "../../src/wire/keypair.js";
import { build, runBinary } from "../support/binary.js";
import { test } from "../support/fixtures.js";
import { type PlatformProcesses, startPlatformProcesses } from "../support/platform-processes.js";

beforeAll(build, 120_000);

const NO_REDIS = "no redis-server or valkey-server on this machine";

test("the tour passes against separate processes with real Redis and Postgres", async ({ databaseUrl, skip }) => {
  const platform = await startPlatformProcesses({ databaseUrl, miners: 1 });
  if (platform === undefined) return skip(NO_REDIS);
  try {
    const tour = await runBinary(["dev", "tour", "--config", platform.configFile, "--json"]);
    expect(tour.stderr + tour.stdout).toContain('"steps"');
    expect(tour.code).toBe(0);
  } finally {
    const codes = await platform.close();
    expect(codes).toEqual(codes.map(() => 0));
  }
}, 240_000);

test("a miner killed mid-stream ends the stream with an error event, and other calls do not notice", async ({
  databaseUrl,
  skip,
}) => {
  const platform = await startPlatformProcesses({ databaseUrl, miners: 2, minerFlags: ["--tokens-per-second", "20"] });
  if (platform === undefined) return skip(NO_REDIS);
  try {
    await serveDemoTwice(platform);
    const { reader, hotkey } = await startTracedStream(platform);
    expect([...platform.miners.keys()]).toContain(hotkey);
    await platform.miners.get(hotkey)?.stop("SIGKILL");
    const rest = await readAll(reader);
    expect(rest).toMatch(/data: \{"error"/);
    expect(rest).not.toContain("[DONE]");
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => (await ask(platform, { stream: false })).status),
    );
    expect(statuses).toEqual(statuses.map(() => 200));
    for (const miner of platform.miners.values())
      if (miner.child.exitCode === null && miner.child.signalCode === null) await miner.stop("SIGKILL");
    const nobody = await ask(platform, { stream: false });
    expect(nobody.status).toBe(503);
    expect(await nobody.json()).toHaveProperty("detail");
  } finally {
    await platform.close();
  }
}, 240_000);

async function serveDemoTwice({ config, platformSeed }: PlatformProcesses): Promise<void> {
  const chuteId = chuteIdOf(config.platformUsername, DEMO_CHUTE.name);
  const redis = openRedis(config.redis.url, createLogger({ level: "silent", secrets: [] }));
  await redis.set(`scale:${chuteId}`, "2");
  redis.disconnect();
  await deployDemo(config, { seed: platformSeed, now: new Date() });
  const active = async () => {
    const answer = (await (await fetch(`${config.publicUrl}/chutes/${chuteId}`)).json()) as {
      instances?: { active: boolean }[];
    };
    return answer.instances?.filter((instance) => instance.active).length;
  };
  await expect.poll(active, { timeout: 60_000, interval: 250 }).toBe(2);
}

/** A slow stream in trace mode: the trace names the miner that serves it. */
async function startTracedStream(platform: PlatformProcesses) {
  const answer = await ask(platform, { stream: true, headers: { "X-Chutes-Trace": "true" } });
  expect(answer.status).toBe(200);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  while (!text.includes('"result"')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended early: ${text}`);
    text += Buffer.from(value).toString();
  }
  const hotkey = /query target=[^ ]+ uid=[0-9]+ hotkey=([^ ]+)/.exec(text)?.[1] ?? "";
  return { reader, hotkey };
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += Buffer.from(value).toString();
  }
}

function ask(
  { config, platformSeed }: PlatformProcesses,
  options: { stream: boolean; headers?: Record<string, string> },
): Promise<Response> {
  const words = Array.from({ length: options.stream ? 200 : 4 }, (_, index) => `word${index}`).join(" ");
  const body = JSON.stringify({
    model: DEMO_CHUTE.name,
    stream: options.stream,
    messages: [{ role: "user", content: words }],
  });
  const chuteId = chuteIdOf(config.platformUsername, DEMO_CHUTE.name);
  const signed = signedHeaders(keypairFromSeed(platformSeed), { body }, new Date());
  return fetch(`${config.publicUrl}/chutes/${chuteId}/v1/chat/completions`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...signed, ...options.headers },
  });
}
