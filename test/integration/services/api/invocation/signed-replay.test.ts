import { request } from "node:http";
import { expect } from "vitest";
import { signedHeaders } from "../../../../../src/wire/headers.js";
import { keypairFromSeed } from "../../../../../src/wire/keypair.js";
import { type GatewayApi, givenCaller, givenChute } from "../../../../support/gateway-api.js";
import { test } from "../../../../support/gateway-test.js";

const SEED = "55".repeat(32);
const BODY = JSON.stringify({ messages: [{ role: "user", content: "hi" }] });

/** Posts signed headers as they are; the answer's status and text. */
function post(api: GatewayApi, host: string, headers: Record<string, string>): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const path = "/v1/chat/completions";
    const call = request({ port: api.port, method: "POST", path, headers: { host, ...headers } }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve([response.statusCode ?? 0, text]));
    });
    call.on("error", reject);
    call.end(BODY);
  });
}

test("01 §21.2: a signed invocation that succeeded is not accepted again, one that failed is", async ({
  db,
  world,
  api,
  owner,
}) => {
  const caller = await givenCaller(db, { balanceUsd: 5, quota: 100 });
  const signer = keypairFromSeed(SEED);
  await db.updateTable("users").set({ hotkey: signer.address }).where("user_id", "=", caller.userId).execute();
  const chute = await givenChute(db, { owner });
  const host = `${chute.slug}.x.test`;
  const headers = signedHeaders(signer, { body: BODY }, new Date());
  // Nobody serves the chute yet.
  for (let times = 0; times < 2; times += 1) expect((await post(api, host, headers))[0]).toBe(503);
  const value = { choices: [{ message: { content: "hello" } }], usage: { prompt_tokens: 5, completion_tokens: 2 } };
  await world.instance(api, chute, () => ({ kind: "json", value }));
  api.directory.drop({ kind: "instances", id: chute.chuteId });
  await expect.poll(async () => (await post(api, host, headers))[0], { interval: 100 }).toBe(200);
  const [status, text] = await post(api, host, headers);
  expect([status, text]).toEqual([401, expect.stringContaining("already accepted")]);
});
