import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { signedHeaders } from "../../../../src/wire/headers.js";
import {
  deploy,
  givenDeveloper,
  givenImage,
  givenInstance,
  NOW,
  startAccountApi,
} from "../../../support/account-api.js";
import { test } from "../../../support/fixtures.js";

test("03 §20.15: a warm-up stream reports cold, and ends within 6 s of the activation", async ({ db, log }) => {
  const api = await startAccountApi({ db, log });
  const alice = await givenDeveloper(api, { username: "alice", permissions: 16 });
  await givenImage(api, alice);
  const { chute_id } = (await deploy(api, alice)).json();
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = api.app.server.address() as AddressInfo;
  const headers = signedHeaders(alice.signer, { purpose: "chutes" }, NOW);
  const request = httpRequest({ host: "127.0.0.1", port, path: `/chutes/warmup/${chute_id}`, headers }).end();
  const [response] = await once(request, "response");
  response.setEncoding("utf8");
  let text = "";
  response.on("data", (chunk: string) => {
    text += chunk;
  });
  await expect.poll(() => text).toContain('"status":"cold"');
  await givenInstance(api, chute_id, { instanceId: "i-1", active: true });
  const activatedAt = performance.now();
  await once(response, "end");
  expect(performance.now() - activatedAt).toBeLessThan(6000);
  const events = text.split("\n\n").filter(Boolean);
  for (const event of events)
    expect(JSON.parse(event.replace(/^data: /, ""))).toEqual({ status: expect.any(String), log: expect.any(String) });
  expect(events.at(-1)).toContain('"status":"hot"');
  await api.close();
});
