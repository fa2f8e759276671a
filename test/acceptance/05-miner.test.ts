import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { sql } from "kysely";
import { expect } from "vitest";
import { type Db, openPostgres } from "../../src/infra/postgres/client.js";
import { CHANNEL } from "../../src/wire/events.js";
import { signedHeaders } from "../../src/wire/headers.js";
import type { Keypair } from "../../src/wire/keypair.js";
import { CHUTE, GPU, launched, launchedUntil } from "../support/launches.js";
import type { Answer } from "../support/miner-api.js";
import { givenChute, givenImage, outboxOf } from "../support/miner-builders.js";
import { until } from "../support/miner-services.js";
import { test } from "../support/miner-test.js";

test("05 §18.17: an empty list says so only when asked", async ({ api, miner }) => {
  const list = (query: string) => api.call("GET", `/miner/instances/${query}`, { signer: miner, purpose: "miner" });
  expect(await list("?explicit_null=True")).toMatchObject({ status: 200, text: "data: NO_ITEMS\n" });
  expect(await list("")).toMatchObject({ status: 200, text: "" });
  expect(await list("?explicit_null=False")).toMatchObject({ status: 200, text: "" });
  expect(await list("?explicit_null=maybe")).toMatchObject({ status: 422 });
});

test("05 §18.18: when the database dies mid-stream the list breaks instead of ending", async ({
  api,
  db,
  databaseUrl,
  miner,
}) => {
  await givenImage(db, { imageId: "image", chutesVersion: "0.3.30" });
  // Several pages, and more bytes than the sockets' buffers hold.
  const ids = Array.from({ length: 200 }, (_, index) => `c${String(index).padStart(4, "0")}`);
  await Promise.all(ids.map((chuteId) => givenChute(db, { chuteId, imageId: "image", code: "x".repeat(120_000) })));
  const request = get(`${api.url}/miner/chutes/`, { headers: signedHeaders(miner, { purpose: "miner" }, api.now()) });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  await once(response, "readable");

  // The next page cannot be read: its query waits for a lock, and then its connection is ended.
  const blocker = openPostgres({ url: databaseUrl, poolSize: 2, statementTimeoutMs: 10_000 });
  await blocker.transaction().execute(async (tx) => {
    await sql`lock table chutes in access exclusive mode`.execute(tx);
    const reading = readToEnd(response);
    await until(async () => expect(await terminateWaiting(blocker)).toBe(true));
    await expect(reading).rejects.toMatchObject({ code: "ECONNRESET" });
  });
  await blocker.destroy();
});

async function readToEnd(response: IncomingMessage): Promise<void> {
  for await (const _ of response);
}

async function terminateWaiting(db: Db): Promise<boolean> {
  const { rows } = await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%chutes%'`.execute(db);
  return rows.length > 0;
}

const H100 = {
  uuid: GPU,
  name: "NVIDIA H100 80GB HBM3",
  memory: 85_045_411_840,
  processors: 132,
  clock_rate: 1_980_000,
  max_threads_per_processor: 2048,
  device_index: 0,
  gpu_identifier: "h100_sxm",
  verification_host: "127.0.0.1",
  verification_port: 31_234,
};

test("05 §18.19: an H100 SXM is accepted within the limits of its model, with one seed for the batch", async ({
  api,
  miner,
}) => {
  const cases: [object, number][] = [
    [{ memory: 79e9 }, 202],
    [{ memory: 86.9e9 }, 202],
    [{ memory: 78.9e9 }, 400],
    [{ memory: 87e9 }, 400],
    [{ clock_rate: 1_589_000 }, 400],
    [{ clock_rate: 2_178_000 }, 202],
    [{ clock_rate: 2_179_000 }, 400],
    [{ gpu_identifier: "h100" }, 400],
  ];
  for (const [index, [changes, status]] of cases.entries()) {
    const nodes = [0, 1].map((device_index) => ({
      ...H100,
      ...changes,
      device_index,
      uuid: `${index}${device_index}`.padStart(32, "0"),
    }));
    const answer = await api.call("POST", "/nodes/", { signer: miner, body: { server_id: "s", nodes } });
    expect([changes, answer.status]).toEqual([changes, status]);
    if (status === 202) expectOneSeed(answer, nodes);
    else expect(answer.text).toContain("GPU parameter validation error");
  }
});

function expectOneSeed(answer: Answer, nodes: readonly { uuid: string }[]): void {
  const rows = (answer.json as { nodes: { seed: number | bigint; uuid: string }[] }).nodes;
  expect(rows.map(({ uuid }) => uuid)).toEqual(nodes.map(({ uuid }) => uuid));
  expect(new Set(rows.map(({ seed }) => seed)).size).toBe(1);
  expect(answer.text).toMatch(/"seed":\d{1,19}[,}]/);
}

test("05 §18.20: without verification the task is done at once, and only its owner may ask", async ({
  api,
  miner,
  rival,
}) => {
  const { json } = await api.call("POST", "/nodes/", { signer: miner, body: { server_id: "s", nodes: [H100] } });
  const { task_id } = json as { task_id: string };
  expect(task_id).toBe(`${miner.address}::skip`);
  const poll = (signer: Keypair) =>
    api.call("GET", `/nodes/verification_status?task_id=${encodeURIComponent(task_id)}`, { signer, purpose: "graval" });
  expect(await poll(miner)).toMatchObject({ status: 200, json: { status: "verified" } });
  expect(await poll(rival)).toMatchObject({ status: 401 });
});

test("05 §18.21: of two concurrent claims of one token one wins, and the GPU is bound once", async ({
  api,
  db,
  miner,
}) => {
  const container = await launched({ api, db, miner });
  await container.nonce();
  const elsewhere = [{ proto: "tcp", internal_port: 8000, external_port: 32_000, default: true }];
  const offers = [await container.offer(), { ...(await container.offer()), port_mappings: elsewhere }];
  const answers = await Promise.all(offers.map((offer) => container.claim(offer)));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
  expect(await db.selectFrom("instance_nodes").selectAll().execute()).toHaveLength(1);
  expect(await db.selectFrom("instances").select("instance_id").execute()).toHaveLength(1);
});

test("05 §18.23: a proof after 2.15 times the model's figure ends the instance", async ({ api, db, miner }) => {
  const container = await launchedUntil("claimed", { api, db, miner, model: "h200" });
  const instance = await db.selectFrom("instances").select("instance_id").executeTakeFirstOrThrow();
  api.advance(150.5);
  expect(await container.verify()).toMatchObject({ status: 403, text: expect.stringContaining("too long") });
  expect(await db.selectFrom("instances").selectAll().execute()).toEqual([]);
  const deleted = (await outboxOf(db, CHANNEL.minerBroadcast)).filter(({ reason }) => reason === "instance_deleted");
  expect(deleted).toEqual([
    expect.objectContaining({
      filter_recipients: [miner.address],
      data: expect.objectContaining({ config_id: container.configId, instance_id: instance.instance_id }),
    }),
  ]);
  const audit = await db
    .selectFrom("instance_audit")
    .select(["deleted_at", "deletion_reason"])
    .executeTakeFirstOrThrow();
  expect(audit).toEqual({ deleted_at: api.now(), deletion_reason: expect.stringContaining("too long") });
  expect((await container.verify()).status).toBe(403);
});

test("05 §18.23: a proof just inside the window is accepted", async ({ api, db, miner }) => {
  const container = await launchedUntil("claimed", { api, db, miner, model: "h200" });
  api.advance(150.4);
  expect((await container.verify()).status).toBe(200);
});

test("05 §18.26: the chute list names the same image as the image list, before and after a patch", async ({
  api,
  db,
  miner,
}) => {
  await givenImage(db, { imageId: "image", username: "Dev", name: "Engine", tag: "V1" });
  await givenChute(db, { chuteId: CHUTE, username: "Dev", imageId: "image" });
  const first = async (list: string) => {
    const { text } = await api.call("GET", `/miner/${list}/`, { signer: miner, purpose: "miner" });
    return JSON.parse(text.slice("data: ".length)) as Record<string, unknown>;
  };
  const check = async (expected: string) => {
    const [chute, image] = [await first("chutes"), await first("images")];
    const { username, name, tag, patch_version: patch } = image;
    const built = `${username}/${name}:${tag}${patch === null || patch === "initial" ? "" : `-${patch}`}`;
    expect([chute["image"], built]).toEqual([expected, expected]);
    expect(chute["chutes_version"]).toBe(image["chutes_version"]);
  };
  await check("dev/engine:v1");
  await db.updateTable("images").set({ patch_version: "initial" }).execute();
  await check("dev/engine:v1");
  await db.updateTable("images").set({ patch_version: "ab12", chutes_version: "0.6.11" }).execute();
  await check("dev/engine:v1-ab12");
});

test("05 §18.27: the verified container gets its real source and an empty fs_key", async ({ api, db, miner }) => {
  const container = await launchedUntil("claimed", { api, db, miner });
  const { text, json } = await container.verify();
  expect(text).toContain('"fs_key":""');
  expect(json["code"]).toBe("print('real source')");
});
