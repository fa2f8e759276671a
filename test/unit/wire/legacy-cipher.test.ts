import fc from "fast-check";
import { expect, test } from "vitest";
import {
  aesCbcDecrypt,
  aesCbcEncrypt,
  decryptGcmBody,
  encryptCbcBody,
  encryptCbcPath,
  encryptGcmBody,
  encryptGcmPath,
  isPortProbeReply,
  portProbeReply,
} from "../../../src/wire/legacy-cipher.js";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test("CBC bodies survive with keys of either length", () => {
  fc.assert(
    fc.property(fc.oneof(bytes(16), bytes(32)), fc.uint8Array({ maxLength: 100 }), (key, plain) => {
      const text = encryptCbcBody(key, plain);
      const iv = Buffer.from(text.slice(0, 32), "hex");
      expect(aesCbcDecrypt({ key, iv, data: Buffer.from(text.slice(32), "base64") })).toEqual(Buffer.from(plain));
    }),
  );
});

test("GCM bodies survive and are sealed", () => {
  fc.assert(
    fc.property(bytes(32), fc.uint8Array({ maxLength: 100 }), (key, plain) => {
      const text = encryptGcmBody(key, plain);
      expect(decryptGcmBody(key, text)).toEqual(Buffer.from(plain));
      expect(
        decryptGcmBody(
          key.map((byte) => byte ^ 1),
          text,
        ),
      ).toBeUndefined();
    }),
  );
  expect(decryptGcmBody(Buffer.alloc(32), "AAAA")).toBeUndefined();
});

test("paths of both generations hide short names' lengths", () => {
  const key = Buffer.alloc(32, 1);
  expect(encryptCbcPath(key, "/a")).toMatch(/^\/[0-9a-f]{96}$/);
  expect(encryptGcmPath(key, "/a")).toMatch(/^\/[0-9a-f]{104}$/);
  expect(encryptGcmPath(key, "/a").length).toBe(encryptGcmPath(key, "/chat_stream").length);
});

test("undecryptable CBC data is undefined, also with a bad IV or key", () => {
  const key = Buffer.alloc(16, 1);
  const iv = Buffer.alloc(16, 2);
  const data = aesCbcEncrypt({ key, iv, plain: Buffer.from("text") });
  expect(aesCbcDecrypt({ key, iv, data: data.subarray(1) })).toBeUndefined();
  expect(aesCbcDecrypt({ key, iv: Buffer.alloc(3), data })).toBeUndefined();
  expect(aesCbcDecrypt({ key: Buffer.alloc(5), iv, data })).toBeUndefined();
});

test("a probe reply proves one port of one protocol", () => {
  const key = Buffer.alloc(16, 9);
  const reply = portProbeReply({ proto: "UDP", internalPort: 9000 }, key);
  expect(isPortProbeReply(reply, { proto: "udp", internalPort: 9000 }, key)).toBe(true);
  expect(isPortProbeReply(reply, { proto: "udp", internalPort: 9001 }, key)).toBe(false);
  expect(isPortProbeReply(reply, { proto: "udp", internalPort: 9000 }, Buffer.alloc(16, 8))).toBe(false);
  for (const text of ["", "|", "test", reply.replace("|", ""), `${reply}\n`]) {
    expect(isPortProbeReply(text, { proto: "udp", internalPort: 9000 }, key)).toBe(false);
  }
});
