import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { expect, test } from "vitest";
import { checkedBody } from "../../../../src/services/api/checked-body.js";
import { nullable } from "../../../../src/services/api/nullable.js";

const Schema = Type.Object({
  name: Type.String({ minLength: 2 }),
  count: nullable(Type.Integer({ maximum: 5 })),
  kind: nullable(Type.Enum(["a", "b"])),
  tags: nullable(Type.Array(Type.Object({ id: Type.Integer() }))),
});

const check = (body: unknown) =>
  checkedBody(
    { rawBody: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)) } as FastifyRequest,
    Schema,
  );

test("a fitting body is returned as it is, with members nobody asked for", () => {
  const body = { name: "ab", count: null, kind: "b", tags: [{ id: 1 }], more: true };
  expect(check(body)).toEqual(body);
  expect(check({ name: "ab" })).toEqual({ name: "ab" });
});

test("text that is no JSON is invalid", () => {
  expect(() => check("{")).toThrow(expect.objectContaining({ kind: "invalid" }));
});

test.each([
  [{ name: "a" }, { type: "minLength", loc: ["body", "name"], input: "a" }],
  [{}, { type: "missing", loc: ["body", "name"] }],
  [
    { name: "ab", count: 6 },
    { type: "maximum", loc: ["body", "count"], input: 6 },
  ],
  [
    { name: "ab", count: 1.5 },
    { type: "type", loc: ["body", "count"], input: 1.5 },
  ],
  [
    { name: "ab", count: "1" },
    { type: "type", loc: ["body", "count"], input: "1" },
  ],
  [
    { name: "ab", kind: "c" },
    { type: "enum", loc: ["body", "kind"], input: "c" },
  ],
  [
    { name: "ab", tags: [{ id: 1 }, {}] },
    { type: "missing", loc: ["body", "tags", 1, "id"] },
  ],
  [[1], { type: "type", loc: ["body"] }],
  [null, { type: "type", loc: ["body"], input: null }],
])("%j is named once, where it is wrong", (body, problem) => {
  expect(() => check(body)).toThrow(
    expect.objectContaining({ kind: "unprocessable", detail: [expect.objectContaining(problem)] }),
  );
});

test("a long value is not sent back", () => {
  const name = "x".repeat(500);
  const Short = Type.Object({ name: Type.String({ maxLength: 3 }) });
  const request = { rawBody: Buffer.from(JSON.stringify({ name })) } as FastifyRequest;
  expect(() => checkedBody(request, Short)).toThrow(
    expect.objectContaining({ detail: [{ type: "maxLength", loc: ["body", "name"], msg: expect.any(String) }] }),
  );
});
