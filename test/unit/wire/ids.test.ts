import fc from "fast-check";
import { expect, test } from "vitest";
import type { Cord } from "../../../src/wire/cords.js";
import { TEMPLATE_CORDS } from "../../../src/wire/cords.js";
import { cordRefId, imageIdOf, ipToken, isUuid, NS_OID, secretIdOf, shardOf, uuid5 } from "../../../src/wire/ids.js";

test("derived ids are version-5 UUIDs, equal only for equal names", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(uuid5(one)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(uuid5(one) === uuid5(other)).toBe(one === other);
    }),
  );
});

test("the namespace is that of object identifiers unless another is given", () => {
  expect(uuid5("x")).toBe(uuid5("x", NS_OID));
  expect(uuid5("www.example.org", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")).toBe("74738ff5-5367-5958-9aee-98fffdcd1876");
});

test("a UUID has hyphens, in either case", () => {
  expect(isUuid("6BA7B812-9dad-11d1-80b4-00c04fd430c8")).toBe(true);
  for (const text of ["", "6ba7b8129dad11d180b400c04fd430c8", "6ba7b812-9dad-11d1-80b4-00c04fd430c8\n", "my-chute"]) {
    expect(isUuid(text)).toBe(false);
  }
});

test("an image's id ignores case everywhere", () => {
  expect(imageIdOf({ username: "Alice_01", name: "My-Image", tag: "V1" })).toBe(
    imageIdOf({ username: "alice_01", name: "my-image", tag: "v1" }),
  );
});

test("secrets of one chute differ by key", () => {
  const owner = { userId: "u", chuteId: "c" };
  expect(secretIdOf({ ...owner, key: "A" })).not.toBe(secretIdOf({ ...owner, key: "B" }));
});

test("one address has one token, whatever its spelling", () => {
  const tokenOf = (ip: string) => ipToken({ ip, serverSalt: "s" });
  expect(tokenOf("::ffff:203.0.113.7")).toBe(tokenOf("203.0.113.7"));
  expect(tokenOf("::FFFF:cb00:7107")).toBe(tokenOf("203.0.113.7"));
  expect(tokenOf("2001:DB8:0:0:0:0:0:1")).toBe(tokenOf("2001:db8::1"));
  expect(tokenOf("2001:db8::2")).not.toBe(tokenOf("2001:db8::1"));
});

test("shards are always in range", () => {
  fc.assert(
    fc.property(fc.uuid(), fc.integer({ min: 1, max: 64 }), (chuteId, shards) => {
      const index = shardOf(chuteId, shards);
      expect(Number.isInteger(index) && index >= 0 && index < shards).toBe(true);
    }),
  );
});

test("cord reference: member order does not matter, schemas do", () => {
  const [cord] = TEMPLATE_CORDS.vllm;
  if (cord === undefined) throw new Error("no template");
  const shuffled = Object.fromEntries(Object.entries(cord).reverse()) as unknown as Cord;
  expect(cordRefId([shuffled])).toBe(cordRefId([cord]));
  expect(cordRefId([{ ...cord, output_schema: { type: "string" } }])).not.toBe(cordRefId([cord]));
});

test("cord reference: chutes of the LLM template share one, despite their names as default", () => {
  const [cord] = TEMPLATE_CORDS.vllm;
  if (cord === undefined) throw new Error("no template");
  const named = (name: string): Cord[] => [{ ...cord, input_schema: { properties: { model: { default: name } } } }];
  expect(cordRefId(named('org/"a"'), 'org/"a"')).toBe(cordRefId(named("org/b"), "org/b"));
  expect(cordRefId(named("org/a"))).not.toBe(cordRefId(named("org/b")));
});
