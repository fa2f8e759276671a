import type { FastifyRequest } from "fastify";
import { expect, test } from "vitest";
import { multipartFields } from "../../../../src/services/api/multipart.js";
import { MULTIPART_TYPE, multipartBody } from "../../../support/multipart.js";

const requestOf = (rawBody: Buffer, type: string | undefined = MULTIPART_TYPE) =>
  ({ rawBody, headers: { "content-type": type } }) as unknown as FastifyRequest;

const LIMITS = { maxFiles: 1, maxBytes: 100_000 };

const file = (name: string, content: string | Buffer = "x") => ({ name, filename: "f", type: "image/png", content });

test("a part is a file by its file name, whatever its type; text keeps its line feeds and may be empty", async () => {
  const body = multipartBody([
    { name: "dockerfile", content: "FROM a\nRUN b" },
    { name: "readme", content: "" },
    { name: "logo", filename: "a.png", type: "image/png", content: Buffer.from([0, 13, 10, 255]) },
  ]);
  const { fields, files } = await multipartFields(requestOf(body), LIMITS);
  expect([...fields]).toEqual([
    ["dockerfile", "FROM a\nRUN b"],
    ["readme", ""],
  ]);
  const logo = files.get("logo");
  expect(logo).toMatchObject({ name: "a.png", type: "image/png" });
  expect([...Buffer.from((await logo?.arrayBuffer()) ?? new ArrayBuffer(0))]).toEqual([0, 13, 10, 255]);
});

test("what browsers and Node send is read too", async () => {
  const form = new FormData();
  form.set("logo", new Blob(["x"], { type: "image/webp" }), "ü.webp");
  const sent = new Response(form);
  const body = Buffer.from(await sent.arrayBuffer());
  const { files } = await multipartFields(requestOf(body, sent.headers.get("content-type") ?? ""), LIMITS);
  expect(files.get("logo")).toMatchObject({ name: "ü.webp", type: "image/webp" });
});

const whole = multipartBody([file("logo")]);

test.each([
  ["no body", Buffer.alloc(0), MULTIPART_TYPE],
  ["JSON", Buffer.from("{}"), "application/json"],
  ["no content type", whole, ""],
  ["no boundary", whole, "multipart/form-data"],
  ["another boundary", whole, "multipart/form-data; boundary=ffffffffffffffffffffffffffffffff"],
  ["a cut body", whole.subarray(0, -10), MULTIPART_TYPE],
  ["a part without a name", Buffer.from(whole.toString().replace('; name="logo"', "")), MULTIPART_TYPE],
])("%s is refused as invalid", async (_what, body, type) => {
  await expect(multipartFields(requestOf(body, type), LIMITS)).rejects.toMatchObject({ kind: "invalid" });
});

test("repeated names, too many files and too many parts are refused", async () => {
  const refused = (parts: Parameters<typeof multipartBody>[0]) =>
    expect(multipartFields(requestOf(multipartBody(parts)), LIMITS)).rejects.toMatchObject({ kind: "invalid" });
  await refused([file("a"), { name: "a", content: "" }]);
  await refused([file("a"), file("b")]);
  await refused(Array.from({ length: 33 }, (_, index) => ({ name: `n${index}`, content: "" })));
  const most = Array.from({ length: 32 }, (_, index) => ({ name: `n${index}`, content: "" }));
  expect((await multipartFields(requestOf(multipartBody(most)), LIMITS)).fields.size).toBe(32);
});

test("a longer body than allowed is too large", async () => {
  const body = multipartBody([file("a", Buffer.alloc(LIMITS.maxBytes))]);
  await expect(multipartFields(requestOf(body), LIMITS)).rejects.toMatchObject({ kind: "too_large" });
});
