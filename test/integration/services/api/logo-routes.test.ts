import { expect } from "vitest";
import { LOGOS_PER_ACCOUNT, logoExists } from "../../../../src/domain/logos/logo-repository.js";
import { logoUrl } from "../../../../src/services/api/logo-url.js";
import { signedHeaders } from "../../../../src/wire/headers.js";
import { type AccountApi, call, type Developer, givenDeveloper } from "../../../support/account-api.js";
import { test } from "../../../support/account-test.js";
import { type FormPart, MULTIPART_TYPE, multipartBody } from "../../../support/multipart.js";
import { png } from "../../../support/pictures.js";

const picture = () => png({ width: 20, height: 10, rgba: [200, 10, 10, 255] });

const post = (api: AccountApi, { signer }: Developer, part: Partial<FormPart> & Pick<FormPart, "content">) =>
  call(api, {
    url: "/logos/",
    signer,
    body: multipartBody([{ name: "logo", filename: "a.png", type: "image/png", ...part }]),
    headers: { "content-type": MULTIPART_TYPE },
  });

async function uploaded(api: AccountApi, owner: Developer): Promise<string> {
  const answer = await post(api, owner, { content: await picture() });
  expect(answer.statusCode).toBe(200);
  return answer.json<{ logo_id: string }>().logo_id;
}

test("the SDK's fallback type does for any raster format; the bytes decide", async ({ api }) => {
  const owner = await givenDeveloper(api, { username: "alice" });
  const answer = await post(api, owner, { filename: "logo.txt", content: await picture() });
  expect(answer.statusCode).toBe(200);
  const drawing = { filename: "a.svg", type: "image/svg+xml", content: "<svg xmlns='http://www.w3.org/2000/svg'/>" };
  expect((await post(api, owner, drawing)).statusCode).toBe(400);
});

test("another type, another field, a missing file and a form that is none are refused with 400", async ({
  api,
  db,
}) => {
  const owner = await givenDeveloper(api, { username: "alice" });
  const content = await picture();
  expect((await post(api, owner, { content, type: "text/plain" })).statusCode).toBe(400);
  expect((await post(api, owner, { content, name: "picture" })).statusCode).toBe(400);
  const json = { url: "/logos/", signer: owner.signer, body: { logo: "x" } };
  expect((await call(api, json)).statusCode).toBe(400);
  expect(await db.selectFrom("logos").select("logo_id").execute()).toEqual([]);
  expect(await api.store.list("logos/", { limit: 10 })).toEqual([]);
});

test("a changed byte is refused before the form is looked at", async ({ api }) => {
  const owner = await givenDeveloper(api, { username: "alice" });
  const body = multipartBody([{ name: "logo", filename: "a.png", type: "image/png", content: await picture() }]);
  const headers = { ...signedHeaders(owner.signer, { body }, api.clock.now), "content-type": MULTIPART_TYPE };
  body[body.length - 60] = 1;
  expect((await call(api, { url: "/logos/", body, headers })).statusCode).toBe(401);
});

test("more than 8 MiB is refused with 413, as a file and as a whole", async ({ api }) => {
  const owner = await givenDeveloper(api, { username: "alice" });
  const limit = 8 * 1024 * 1024;
  for (const size of [limit + 1, limit + 100_000]) {
    const answer = await post(api, owner, { content: Buffer.alloc(size) });
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toEqual({ detail: expect.any(String) });
  }
});

test("a logo is public, may be asked for as png, and answers conditional requests and HEAD", async ({ api }) => {
  const logoId = await uploaded(api, await givenDeveloper(api, { username: "alice" }));
  const asPng = await call(api, { url: `/logos/${logoId}.png` });
  expect(asPng).toMatchObject({ statusCode: 307, headers: { location: `/logos/${logoId}.webp` } });
  const whole = await call(api, { url: `/logos/${logoId.toUpperCase()}.webp` });
  expect(whole.rawPayload.subarray(8, 12).toString()).toBe("WEBP");
  const etag = String(whole.headers["etag"]);
  const again = await call(api, { url: `/logos/${logoId}.webp`, headers: { "if-none-match": etag } });
  expect(again).toMatchObject({ statusCode: 304, body: "" });
  const head = await api.app.inject({ method: "HEAD", url: `/logos/${logoId}.webp` });
  expect(head).toMatchObject({ statusCode: 200, body: "", headers: { etag } });
  expect(head.headers["content-length"]).toBe(String(whole.rawPayload.length));
});

test("other names and endings have no logo", async ({ api }) => {
  const logoId = await uploaded(api, await givenDeveloper(api, { username: "alice" }));
  const unknown = "00000000-0000-4000-8000-000000000000";
  for (const name of [`${logoId}.jpg`, logoId, `${logoId}.webp.webp`, "x.webp", `${unknown}.webp`, `${unknown}.png`]) {
    const answer = await call(api, { url: `/logos/${name}` });
    expect({ name, status: answer.statusCode }).toEqual({ name, status: 404 });
    expect(answer.json()).toEqual({ detail: expect.any(String) });
  }
});

test("a logo counts as existing for its owner only", async ({ api, db }) => {
  const [alice, bob] = [
    await givenDeveloper(api, { username: "alice" }),
    await givenDeveloper(api, { username: "bob" }),
  ];
  const logoId = await uploaded(api, alice);
  expect(await logoExists(db, { logoId, userId: alice.userId })).toBe(true);
  expect(await logoExists(db, { logoId, userId: bob.userId })).toBe(false);
  expect(await logoExists(db, { logoId: "\0", userId: alice.userId })).toBe(false);
});

test("an account that has its fill of logos keeps no more, nor their bytes", async ({ api, db }) => {
  const owner = await givenDeveloper(api, { username: "alice" });
  const rows = Array.from({ length: LOGOS_PER_ACCOUNT }, (_, index) => ({
    logo_id: `l${index}`,
    user_id: owner.userId,
    path: "x",
    created_at: api.clock.now,
  }));
  await db.insertInto("logos").values(rows).execute();
  expect((await post(api, owner, { content: await picture() })).statusCode).toBe(409);
  expect(await api.store.list("logos/", { limit: 10 })).toEqual([]);
});

test("the URL of a logo is the configured prefix, or a host beside the API's", () => {
  const at = (publicUrl: string, logoCdn: string) =>
    logoUrl({ publicUrl, baseDomain: "x.test", accounts: { logoCdn } } as never, "id");
  expect(at("", "")).toBe("https://logos.x.test/logos/id.webp");
  expect(at("http://api.x.test:8000", "")).toBe("http://logos.x.test:8000/logos/id.webp");
  expect(at("", "https://cdn.test/a//")).toBe("https://cdn.test/a/logos/id.webp");
});
