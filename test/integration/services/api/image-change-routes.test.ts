import { expect } from "vitest";
import {
  type AccountApi,
  call,
  type Developer,
  deploy,
  givenDeveloper,
  givenImage,
} from "../../../support/account-api.js";
import { test } from "../../../support/account-test.js";
import { outboxOf } from "../../../support/miner-builders.js";
import { MULTIPART_TYPE, multipartBody } from "../../../support/multipart.js";

const signed = (api: AccountApi, { signer }: Developer, what: { url: string; method?: "DELETE" }) =>
  call(api, { ...what, signer, purpose: "images" });

const remove = (api: AccountApi, user: Developer, image: string) =>
  signed(api, user, { url: `/images/${image}`, method: "DELETE" });

test("02 §3.5: an owner deletes an image by name or id, and miners are told once", async ({ api, db }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const first = await givenImage(api, alice);
  const second = await givenImage(api, alice, { name: "other" });
  const deleted = await remove(api, alice, "Alice/My-Image:1.0");
  expect(deleted.statusCode).toBe(200);
  expect(deleted.json()).toEqual({ image_id: first, deleted: true });
  expect((await remove(api, alice, first)).statusCode).toBe(404);
  expect((await remove(api, alice, second.toUpperCase())).json()).toEqual({ image_id: second, deleted: true });
  expect(await outboxOf(db, "miner_broadcast")).toEqual([
    { reason: "image_deleted", data: { image_id: first } },
    { reason: "image_deleted", data: { image_id: second } },
  ]);
});

test("02 §3.5: somebody else's image is 404, public or not, and stays", async ({ api, db }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const bob = await givenDeveloper(api, { username: "bob" });
  const open = await givenImage(api, alice, { name: "open", public: true });
  const hidden = await givenImage(api, alice);
  for (const image of [open, hidden, "alice/open:1.0", "open:1.0", "garbage"])
    expect((await remove(api, bob, image)).statusCode, image).toBe(404);
  expect(await db.selectFrom("images").select("image_id").execute()).toHaveLength(2);
  expect(await outboxOf(db, "miner_broadcast")).toEqual([]);
});

test("02 §15.21: an image that a chute runs on is 409 until the chute is gone", async ({ api, db }) => {
  const alice = await givenDeveloper(api, { username: "alice", balanceUsd: 100 });
  const imageId = await givenImage(api, alice);
  const chuteId = (await deploy(api, alice)).json<{ chute_id: string }>().chute_id;
  const refused = await remove(api, alice, "my-image:1.0");
  expect(refused.statusCode).toBe(409);
  expect(refused.json()).toEqual({ detail: expect.any(String) });
  expect(await db.selectFrom("images").select("image_id").execute()).toEqual([{ image_id: imageId }]);
  const chute = { url: `/chutes/${chuteId}`, method: "DELETE", signer: alice.signer, purpose: "chutes" } as const;
  expect((await call(api, chute)).statusCode).toBe(200);
  expect((await remove(api, alice, "my-image:1.0")).statusCode).toBe(200);
});

test("a deploy and a deletion at the same moment leave no chute without its image", async ({ api, db }) => {
  const alice = await givenDeveloper(api, { username: "alice", balanceUsd: 100 });
  await givenImage(api, alice);
  const [deployed, deleted] = await Promise.all([deploy(api, alice), remove(api, alice, "my-image:1.0")]);
  expect([
    [200, 409],
    [400, 200],
  ]).toContainEqual([deployed.statusCode, deleted.statusCode]);
  const images = await db.selectFrom("images").select("image_id").execute();
  const chutes = await db.selectFrom("chutes").select("image_id").execute();
  expect(chutes).toEqual(images);
});

test("a scoped key deletes the image it names and no other", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const imageId = await givenImage(api, alice);
  await givenImage(api, alice, { name: "other" });
  const scopes = [{ object_type: "images", object_id: imageId, action: "delete" }];
  const made = await call(api, { url: "/api_keys/", signer: alice.signer, body: { name: "k", admin: false, scopes } });
  const apiKey = made.json<{ secret_key: string }>().secret_key;
  expect((await call(api, { url: "/images/other:1.0", method: "DELETE", apiKey })).statusCode).toBe(401);
  expect((await call(api, { url: "/images/my-image:1.0", apiKey })).statusCode).toBe(401);
  expect((await call(api, { url: "/images/my-image:1.0", method: "DELETE", apiKey })).statusCode).toBe(200);
});

test("02 §3.2: a build is refused in words that name the way without a forge", async ({ api, db }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const body = multipartBody([{ name: "username", content: "alice" }]);
  const headers = { "content-type": MULTIPART_TYPE };
  expect((await call(api, { url: "/images/", body, headers })).statusCode).toBe(401);
  const answer = await call(api, { url: "/images/", body, headers, signer: alice.signer });
  expect(answer.statusCode).toBe(403);
  expect(answer.headers["content-type"]).toContain("application/json");
  expect(answer.json<{ detail: string }>().detail).toContain("image import");
  expect(await db.selectFrom("images").select("image_id").execute()).toEqual([]);
});

test("02 §3.6: the log of a finished image is the stored one, or else its status", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const imageId = await givenImage(api, alice);
  const logs = (query = "") => signed(api, alice, { url: `/images/${imageId}/logs${query}` });
  const bare = await logs("?offset=1700000000000-1");
  expect(bare).toMatchObject({ statusCode: 200, body: "built and pushed\n" });
  await api.store.put(`forge/${alice.userId}/${imageId}.log`, Buffer.from("STEP 1/1: FROM a\n"), {
    contentType: "text/plain",
  });
  const stored = await logs();
  expect(stored).toMatchObject({ statusCode: 200, body: "STEP 1/1: FROM a\n" });
  expect(stored.headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "content-disposition": `inline; filename="${imageId}.log"`,
  });
  expect((await logs("?offset=abc")).statusCode).toBe(422);
});

test("02 §3.6: logs of a public image need no credentials; others' are 404 in JSON", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const bob = await givenDeveloper(api, { username: "bob" });
  const open = await givenImage(api, alice, { name: "open", public: true });
  const hidden = await givenImage(api, alice);
  expect((await call(api, { url: `/images/${open}/logs` })).statusCode).toBe(200);
  for (const answer of [
    await call(api, { url: `/images/${hidden}/logs` }),
    await signed(api, bob, { url: `/images/${hidden}/logs` }),
    await signed(api, alice, { url: "/images/nothing/logs" }),
  ]) {
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({ detail: "Image not found." });
  }
});

test("02 §13: a filter longer than any name is 422", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  expect((await signed(api, alice, { url: `/images/?name=${"a".repeat(300)}` })).statusCode).toBe(422);
});
