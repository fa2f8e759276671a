import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decryptBody,
  decryptPath,
  encryptBody,
  encryptPath,
  gunzipBounded,
  gzipFast,
  gzipJson,
} from "../../../src/wire/instance-cipher.js";

const KEY = Buffer.alloc(32, 7);
const path = fc.string({ unit: fc.constantFrom(..."abcXYZ019_/-é") }).map((text) => `/${text}`);

describe("bodies", () => {
  test("bytes survive, and two sealings differ", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (plain) => {
        const sealed = encryptBody(KEY, plain);
        expect(decryptBody(KEY, sealed)).toEqual(Buffer.from(plain));
        expect(encryptBody(KEY, plain)).not.toBe(sealed);
      }),
    );
  });

  test("another key, a flipped bit, a cut or foreign text is invalid", () => {
    const sealed = encryptBody(KEY, Buffer.from("hello"));
    const bytes = Buffer.from(sealed, "base64");
    const flipped = Array.from(bytes, (byte, at) => {
      const copy = Buffer.from(bytes);
      copy[at] = byte ^ 1;
      return copy.toString("base64");
    });
    for (const text of [...flipped, "", "AAAA", "!!!", bytes.subarray(0, -1).toString("base64")]) {
      expect(() => decryptBody(KEY, text)).toThrow(expect.objectContaining({ kind: "invalid" }));
    }
    expect(() => decryptBody(Buffer.alloc(32), sealed)).toThrow(expect.objectContaining({ kind: "invalid" }));
  });
});

describe("paths", () => {
  test("paths survive, short ones have one length", () => {
    fc.assert(
      fc.property(path, (text) => {
        const sealed = encryptPath(KEY, text);
        expect(sealed).toMatch(/^\/[0-9a-f]+$/);
        expect(decryptPath(KEY, sealed)).toBe(text);
        expect(decryptPath(KEY, sealed.slice(1).toUpperCase())).toBe(text);
      }),
    );
    expect(encryptPath(KEY, "/a").length).toBe(encryptPath(KEY, "/chat_stream").length);
  });

  test("anything else is undefined", () => {
    const sealed = encryptPath(KEY, "/chat");
    const others = ["", "/", "/_ping", "/zz", sealed.slice(0, -1), `${sealed}0`, `/${sealed}`, `${sealed}00`, "/00"];
    for (const text of others) expect(decryptPath(KEY, text)).toBeUndefined();
    expect(decryptPath(Buffer.alloc(32), sealed)).toBeUndefined();
  });
});

describe("gzip", () => {
  test.each([0, 1, 100, 4095, 4096, 70_000])("%d bytes are read by any gunzip, small or large", (length) => {
    const plain = randomBytes(length);
    expect(gunzipSync(gzipFast(plain))).toEqual(plain);
    expect(gunzipBounded(gzipFast(plain), Math.max(length, 1))).toEqual(plain);
  });

  test("JSON keeps long integers, and repetitive bodies shrink once they are large", () => {
    expect(gunzipSync(gzipJson({ seed: 18446744073709551615n })).toString()).toBe('{"seed":18446744073709551615}');
    expect(gzipJson({ text: "a".repeat(100_000) }).length).toBeLessThan(2000);
  });

  test("a bomb is stopped at the limit", () => {
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    expect(() => gunzipBounded(bomb, 1_000_000)).toThrow(expect.objectContaining({ kind: "too_large" }));
    expect(gunzipBounded(bomb, 5_000_000)).toHaveLength(5_000_000);
  });

  test("a lying length in the trailer neither helps nor hurts", () => {
    const bomb = gzipSync(Buffer.alloc(300_000));
    bomb.writeUInt32LE(1, bomb.length - 4);
    expect(() => gunzipBounded(bomb, 1_000_000)).toThrow(expect.objectContaining({ kind: "invalid" }));
    bomb.writeUInt32LE(0xffffffff, bomb.length - 4);
    expect(() => gunzipBounded(bomb, 1_000_000)).toThrow(expect.objectContaining({ kind: "invalid" }));
  });

  test("what is not gzip is invalid", () => {
    for (const data of [
      Buffer.alloc(0),
      Buffer.from("no"),
      Buffer.from("plain text"),
      gzipSync("cut").subarray(0, -5),
    ]) {
      expect(() => gunzipBounded(data, 1000)).toThrow(expect.objectContaining({ kind: "invalid" }));
    }
  });
});
