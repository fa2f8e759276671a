import sharp from "sharp";
import { expect } from "vitest";
import { sha256Hex } from "../../src/wire/hashes.js";
import { secretIdOf } from "../../src/wire/ids.js";
import { type AccountApi, call, type Developer, deploy, givenDeveloper, givenImage } from "../support/account-api.js";
import { test } from "../support/account-test.js";
import { MULTIPART_TYPE, multipartBody } from "../support/multipart.js";
import { peakGrowthMb } from "../support/peak-memory.js";
import { png } from "../support/pictures.js";

const VALUE = "hf_the-value-nobody-may-see";

const createSecret = (api: AccountApi, owner: Developer, changes: Record<string, unknown> = {}) =>
  call(api, {
    url: "/secrets/",
    signer: owner.signer,
    body: { purpose: "my-model", key: "HF_TOKEN", value: VALUE, ...changes },
  });

const withSecrets = (api: AccountApi, owner: Developer, what: { url: string; method?: "DELETE" }) =>
  call(api, { ...what, signer: owner.signer, purpose: "secrets" });

async function ownerOfMyModel(api: AccountApi): Promise<{ owner: Developer; chuteId: string }> {
  const owner = await givenDeveloper(api, { username: "alice_01", balanceUsd: 100 });
  await givenImage(api, owner);
  const deployed = await deploy(api, owner, { name: "my-model" });
  expect(deployed.statusCode).toBe(200);
  return { owner, chuteId: deployed.json<{ chute_id: string }>().chute_id };
}

test("01 §23.18: a secret of an own chute is stored once, never shown, and deleted", async ({ api, db }) => {
  const { owner, chuteId } = await ownerOfMyModel(api);
  const secretId = secretIdOf({ userId: owner.userId, chuteId, key: "HF_TOKEN" });
  const created = await createSecret(api, owner);
  expect(created.statusCode).toBe(200);
  expect(created.json()).toMatchObject({
    secret_id: secretId,
    user_id: owner.userId,
    purpose: chuteId,
    key: "HF_TOKEN",
  });
  expect((await createSecret(api, owner, { value: "another" })).statusCode).toBe(409);
  expect((await createSecret(api, owner, { purpose: "%" })).statusCode).toBe(404);

  const list = await withSecrets(api, owner, { url: "/secrets/?limit=25&page=0" });
  const one = await withSecrets(api, owner, { url: `/secrets/${secretId}` });
  const shown = { secret_id: secretId, key: "HF_TOKEN", purpose: chuteId, created_at: expect.any(String) };
  expect(list.json()).toEqual({ total: 1, page: 0, limit: 25, items: [shown], cord_refs: null });
  expect(one.json()).toEqual(shown);
  const { value } = await db.selectFrom("secrets").select("value").executeTakeFirstOrThrow();
  expect(value).toMatch(/^[0-9a-f]{200,}$/);
  for (const { body } of [created, list, one]) {
    expect(body).not.toContain(VALUE);
    expect(body).not.toContain(value);
  }

  const deleted = await withSecrets(api, owner, { url: `/secrets/${secretId}`, method: "DELETE" });
  expect(deleted.statusCode).toBe(200);
  expect(deleted.json()).toEqual({ status: expect.any(String), secret_id: secretId });
  expect((await withSecrets(api, owner, { url: `/secrets/${secretId}` })).statusCode).toBe(404);
});

const RESERVED = ["LD_PRELOAD", "PATH", "PYTHONPATH", "CHUTES_API_URL", "NVIDIA_VISIBLE_DEVICES", "CUDA_HOME"];
const MISSHAPEN = ["", "1A", "A-B", "A\n", "Ä", "A".repeat(129)];

test("01 §20: secrets whose names no process should be given are refused with 400", async ({ api }) => {
  const { owner } = await ownerOfMyModel(api);
  for (const key of [...RESERVED, ...MISSHAPEN])
    expect({ key, status: (await createSecret(api, owner, { key })).statusCode }).toEqual({ key, status: 400 });
  expect((await createSecret(api, owner, { key: "A".repeat(128) })).statusCode).toBe(200);
});

const postLogo = (api: AccountApi, owner: Developer, content: Buffer) =>
  call(api, {
    url: "/logos/",
    signer: owner.signer,
    body: multipartBody([{ name: "logo", filename: "a.png", type: "image/png", content }]),
    headers: { "content-type": MULTIPART_TYPE },
  });

test("01 §23.21: a PNG with alpha becomes a 512×512 WebP without it, served from its path", async ({ api }) => {
  const owner = await givenDeveloper(api, { username: "alice_01" });
  const picture = await png({ width: 1000, height: 500, rgba: [0, 0, 255, 0] });
  const posted = await postLogo(api, owner, picture);
  expect(posted.statusCode).toBe(200);
  const { logo_id, path } = posted.json<{ logo_id: string; path: string }>();
  expect(path).toBe(`/logos/${logo_id}.webp`);

  const served = await call(api, { url: path });
  expect(served.statusCode).toBe(200);
  expect(served.headers).toMatchObject({
    "content-type": "image/webp",
    "cache-control": "public, max-age=31536000, immutable",
    etag: `"${sha256Hex(served.rawPayload)}"`,
    "x-content-type-options": "nosniff",
  });
  const decoded = sharp(served.rawPayload);
  expect(await decoded.metadata()).toMatchObject({ format: "webp", width: 512, height: 512, hasAlpha: false });
  // What was transparent is white.
  expect([...(await decoded.raw().toBuffer()).subarray(0, 3)]).toEqual([255, 255, 255]);
  const stored = await api.store.head(`logos/${owner.userId}/${logo_id}.webp`);
  expect(stored).toMatchObject({ sizeBytes: served.rawPayload.length, contentType: "image/webp" });
});

test("01 §23.21: a text file named .png is refused with 400", async ({ api }) => {
  const owner = await givenDeveloper(api, { username: "alice_01" });
  const posted = await postLogo(api, owner, Buffer.alloc(10_240, "not a picture\n"));
  expect(posted.statusCode).toBe(400);
  expect(posted.json()).toEqual({ detail: expect.any(String) });
});

test.runIf(process.platform === "linux")(
  "01 §23.21: a 60-megapixel PNG is refused without decoding it",
  async ({ api }) => {
    const owner = await givenDeveloper(api, { username: "alice_01" });
    // The codec itself takes memory when it is first used.
    await postLogo(api, owner, await png({ width: 600, height: 600, rgba: [1, 2, 3, 255] }));
    const bomb = await png({ width: 10_000, height: 6000, rgba: [1, 2, 3, 255] });
    expect(bomb.length).toBeLessThan(1_000_000);
    let status = 0;
    const grownMb = await peakGrowthMb(async () => {
      status = (await postLogo(api, owner, bomb)).statusCode;
    });
    expect(status).toBe(400);
    expect(grownMb).toBeLessThan(40);
  },
);

test("01 §20: a form that repeats a field is refused with 400", async ({ api }) => {
  const owner = await givenDeveloper(api, { username: "alice_01" });
  const part = { name: "logo", filename: "a.png", type: "image/png", content: "x" };
  const posted = await call(api, {
    url: "/logos/",
    signer: owner.signer,
    body: multipartBody([part, part]),
    headers: { "content-type": MULTIPART_TYPE },
  });
  expect(posted.statusCode).toBe(400);
  expect(posted.json<{ detail: string }>().detail).toContain("logo");
});
