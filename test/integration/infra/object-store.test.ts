import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFileStore } from "../../../src/infra/object-store/files.js";
import { openObjectStore } from "../../../src/infra/object-store/open.js";
import type { ObjectStore } from "../../../src/infra/object-store/store.js";
import { startS3Server } from "../../support/s3-server.js";

const dir = mkdtempSync(join(tmpdir(), "chutes-objects-"));
const s3 = await startS3Server("bucket");
afterAll(async () => {
  await s3.close();
  rmSync(dir, { recursive: true, force: true });
});

const s3Settings = {
  endpoint: s3.endpoint,
  region: "us-east-1",
  accessKeyId: "S3RVER",
  secretAccessKey: "S3RVER",
};
const adapters = [
  { name: "files", settings: { ...s3Settings, url: pathToFileURL(join(dir, "files")).href } },
  { name: "s3", settings: { ...s3Settings, url: "s3://bucket" } },
  { name: "s3 with a prefix", settings: { ...s3Settings, url: "s3://bucket/deep/folder/" } },
];
const csv = { contentType: "text/csv" };
const MiB = 1024 * 1024;

/** A stream whose length nobody is told, in pieces that fit no part size. */
async function* bytes(total: number): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < total; ) {
    const piece = Buffer.alloc(Math.min(700_001, total - sent), sent % 251);
    sent += piece.length;
    yield piece;
  }
}

describe.each(adapters)("$name", ({ settings }) => {
  let store: ObjectStore;
  const folder = () => `test/${randomUUID()}`;
  const contents = async (key: string) => {
    const found = await store.get(key);
    return found === undefined ? undefined : text(found.body);
  };

  beforeAll(async () => {
    store = await openObjectStore(settings);
  });

  test("an object is read as it was written, with its type, size and time", async () => {
    const key = `${folder()}/2026/01/07/14 ü+%.csv`;
    const before = Date.now() - 2000;
    const written = await store.put(key, Buffer.from("a,b\r\n"), csv);
    expect(written).toMatchObject({ key, sizeBytes: 5, contentType: "text/csv" });
    expect(written.modifiedAt.getTime()).toBeGreaterThan(before);
    expect(await store.head(key)).toEqual(written);
    const found = await store.get(key);
    expect(found?.info).toEqual(written);
    found?.body.destroy();
    expect(await contents(key)).toBe("a,b\r\n");
  });

  test("writing again replaces bytes and type", async () => {
    const key = `${folder()}/report`;
    await store.put(key, Buffer.from("a long first version"), csv);
    await store.put(key, Buffer.from("{}"), { contentType: "application/json" });
    expect(await store.head(key)).toMatchObject({ sizeBytes: 2, contentType: "application/json" });
    expect(await contents(key)).toBe("{}");
  });

  test("an empty object is an object", async () => {
    const key = `${folder()}/empty`;
    await store.put(key, Readable.from([]), csv);
    expect(await store.head(key)).toMatchObject({ sizeBytes: 0 });
    expect(await contents(key)).toBe("");
  });

  test.each([3 * MiB, 8 * MiB, 8 * MiB + 1, 21 * MiB])(
    "a stream of %d bytes and unknown length arrives whole",
    async (total) => {
      const key = `${folder()}/large`;
      await store.put(key, Readable.from(bytes(total)), csv);
      const expected = createHash("sha256")
        .update(await buffer(bytes(total)))
        .digest("hex");
      const found = await store.get(key);
      const hash = createHash("sha256");
      for await (const chunk of found?.body ?? []) hash.update(chunk);
      expect(found?.info).toMatchObject({ sizeBytes: total, contentType: "text/csv" });
      expect(hash.digest("hex")).toBe(expected);
    },
  );

  test("a stream that breaks leaves the old object and no traces", async () => {
    const prefix = folder();
    await store.put(`${prefix}/kept`, Buffer.from("old"), csv);
    const breaking = async function* () {
      yield* bytes(17 * MiB);
      throw new Error("source broke");
    };
    await expect(store.put(`${prefix}/kept`, Readable.from(breaking()), csv)).rejects.toThrow("source broke");
    await expect(store.put(`${prefix}/new`, Readable.from(breaking()), csv)).rejects.toThrow("source broke");
    expect(await contents(`${prefix}/kept`)).toBe("old");
    expect(await store.list(`${prefix}/`, { limit: 10 })).toHaveLength(1);
  });

  test("with ifAbsent the first writer wins and the second changes nothing", async () => {
    const key = `${folder()}/once`;
    await store.put(key, Buffer.from("first"), { ...csv, ifAbsent: true });
    const again = store.put(key, Buffer.from("second"), { contentType: "text/plain", ifAbsent: true });
    await expect(again).rejects.toMatchObject({ kind: "conflict" });
    expect(await contents(key)).toBe("first");
    expect(await store.head(key)).toMatchObject({ contentType: "text/csv" });
  });

  test.each([
    { range: { start: 2 }, expected: "23456789" },
    { range: { start: 2, end: 4 }, expected: "234" },
    { range: { start: 0, end: 1 }, expected: "01" },
    { range: { start: 8, end: 99 }, expected: "89" },
  ])("range $range reads $expected and knows the whole size", async ({ range, expected }) => {
    const key = `${folder()}/digits`;
    await store.put(key, Buffer.from("0123456789"), csv);
    const found = await store.get(key, range);
    expect(found?.info.sizeBytes).toBe(10);
    expect(await text(found?.body ?? Readable.from([]))).toBe(expected);
  });

  test.each([{ start: 10 }, { start: 99, end: 100 }, { start: 3, end: 2 }, { start: -1 }])(
    "range %j is refused",
    async (range) => {
      const key = `${folder()}/digits`;
      await store.put(key, Buffer.from("0123456789"), csv);
      await expect(store.get(key, range)).rejects.toMatchObject({ kind: "invalid" });
    },
  );

  test("what is not there is undefined, also with a range, and may be deleted", async () => {
    const key = `${folder()}/none`;
    expect(await store.get(key)).toBeUndefined();
    expect(await store.get(key, { start: 5 })).toBeUndefined();
    expect(await store.head(key)).toBeUndefined();
    await store.delete(key);
    await expect(store.copy(key, `${key}2`)).rejects.toMatchObject({ kind: "not_found" });
  });

  test("a copy has the bytes and the type and outlives its source", async () => {
    const prefix = folder();
    await store.put(`${prefix}/pending/a b.json`, Buffer.from("{}"), { contentType: "application/json" });
    await store.copy(`${prefix}/pending/a b.json`, `${prefix}/final.json`);
    await store.delete(`${prefix}/pending/a b.json`);
    expect(await store.head(`${prefix}/pending/a b.json`)).toBeUndefined();
    expect(await store.head(`${prefix}/final.json`)).toMatchObject({ contentType: "application/json", sizeBytes: 2 });
    expect(await contents(`${prefix}/final.json`)).toBe("{}");
  });

  test("listing pages through the keys of a prefix in order", async () => {
    const prefix = folder();
    const keys = ["2025/12/31.csv", "2026/01/07.csv", "2026/01/08.csv", "2026/02/01.csv", "x"].map(
      (name) => `${prefix}/${name}`,
    );
    for (const key of keys.toReversed()) await store.put(key, Buffer.from("12345"), csv);
    await store.put(`${prefix}x/other`, Buffer.from("x"), csv);
    const seen: string[] = [];
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await store.list(`${prefix}/`, { limit: 2, ...(after === undefined ? {} : { after }) });
      seen.push(...page.map(({ key }) => key));
      if (page.length < 2) break;
    }
    expect(seen).toEqual(keys);
    const [first] = await store.list(`${prefix}/2026/`, { limit: 1 });
    expect(first).toEqual({ key: keys[1], sizeBytes: 5, modifiedAt: expect.any(Date) });
    expect(await store.list(`${prefix}/202`, { limit: 9 })).toHaveLength(4);
    expect(await store.list(`${prefix}/`, { limit: 9, after: `${prefix}/2026/01/07.csvx` })).toHaveLength(3);
    expect(await store.list(`${prefix}/none`, { limit: 9 })).toEqual([]);
  });

  test.each(["../up", "a/../b", "/etc/passwd", "a//b", "a/", "", "a\0b", ".", "a\\b"])(
    "key %j is refused by every method",
    async (key) => {
      const refused = { kind: "invalid" };
      await expect(store.put(key, Buffer.from("x"), csv)).rejects.toMatchObject(refused);
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.head(key)).rejects.toMatchObject(refused);
      await expect(store.delete(key)).rejects.toMatchObject(refused);
      await expect(store.copy(key, "test/to")).rejects.toMatchObject(refused);
      await expect(store.copy("test/from", key)).rejects.toMatchObject(refused);
    },
  );

  test("a prefix that leaves the store is refused", async () => {
    await expect(store.list("../", { limit: 1 })).rejects.toMatchObject({ kind: "invalid" });
  });
});

describe("files only", () => {
  const open = () => openFileStore(join(dir, randomUUID()));

  test("of many concurrent writers with ifAbsent exactly one wins, and the object is wholly its", async () => {
    const store = await open();
    const put = (n: number) =>
      store.put("once", Buffer.alloc(100_000, n), { contentType: `type/${n}`, ifAbsent: true }).then(
        () => n,
        () => undefined,
      );
    const winners = (await Promise.all(Array.from({ length: 20 }, (_, n) => put(n)))).filter((n) => n !== undefined);
    expect(winners).toHaveLength(1);
    const found = await store.get("once");
    expect(found?.info.contentType).toBe(`type/${winners[0]}`);
    expect(new Set(await buffer(found?.body ?? Readable.from([])))).toEqual(new Set(winners));
  });

  test("a reader keeps the version it opened while writers replace it", async () => {
    const store = await open();
    await store.put("key", Buffer.alloc(300_000, "a"), csv);
    const found = await store.get("key");
    await store.put("key", Buffer.from("b"), csv);
    expect(await text(found?.body ?? Readable.from([]))).toBe("a".repeat(300_000));
  });

  test("keys are listed in the order of their bytes, folders among them", async () => {
    const store = await open();
    const names = ["a-b", "a.csv", "a/b/c", "a/z", "a0", "b", "Ä", "\uffee", "𝄞"];
    for (const name of names.toReversed()) await store.put(name, Buffer.from(name), csv);
    for (const after of [undefined, ...names]) {
      const listed = await store.list("", { limit: 99, ...(after === undefined ? {} : { after }) });
      const expected = after === undefined ? names : names.slice(names.indexOf(after) + 1);
      expect(listed.map(({ key }) => key)).toEqual(expected);
    }
  });

  test("one byte is a range", async () => {
    const store = await open();
    await store.put("digits", Buffer.from("0123"), csv);
    expect(await text((await store.get("digits", { start: 0, end: 0 }))?.body ?? Readable.from([]))).toBe("0");
  });

  test("an object and a folder of objects cannot share a name", async () => {
    const store = await open();
    await store.put("a/b", Buffer.from("x"), csv);
    await expect(store.put("a", Buffer.from("x"), csv)).rejects.toMatchObject({ kind: "conflict" });
    await expect(store.put("a/b/c", Buffer.from("x"), csv)).rejects.toMatchObject({ kind: "conflict" });
    expect(await store.head("a")).toBeUndefined();
    await store.delete("a");
    expect(await store.head("a/b")).toBeDefined();
  });

  test("drafts of writers that died are swept after a day, younger ones may still be written", async () => {
    const root = join(dir, randomUUID());
    await openFileStore(root);
    await writeFile(join(root, "drafts", "dead"), "x");
    await writeFile(join(root, "drafts", "alive"), "x");
    const long = new Date(Date.now() - 25 * 3_600_000);
    await utimes(join(root, "drafts", "dead"), long, long);
    await openFileStore(root);
    expect(await readdir(join(root, "drafts"))).toEqual(["alive"]);
  });

  test("nothing is left among the drafts after writes, refusals and failures", async () => {
    const root = join(dir, randomUUID());
    const store = await openFileStore(root);
    await store.put("a", Buffer.from("x"), { ...csv, ifAbsent: true });
    await store.put("a", Buffer.from("x"), { ...csv, ifAbsent: true }).catch(() => undefined);
    await store.put("a/b", Buffer.from("x"), csv).catch(() => undefined);
    expect(await readdir(join(root, "drafts"))).toEqual([]);
  });

  test("a folder that cannot be made is a configuration problem", async () => {
    await writeFile(join(dir, "file"), "x");
    await expect(openFileStore(join(dir, "file", "below"))).rejects.toMatchObject({ kind: "config" });
  });
});

describe("s3 only", () => {
  test("a store that cannot be reached is unavailable", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port: closedPort } = server.address() as AddressInfo;
    server.close();
    const store = await openObjectStore({
      ...s3Settings,
      endpoint: `http://127.0.0.1:${closedPort}`,
      url: "s3://bucket",
    });
    await expect(store.head("key")).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("a bucket that does not exist is a configuration problem", async () => {
    const store = await openObjectStore({ ...s3Settings, url: "s3://nobody" });
    await expect(store.put("key", Buffer.from("x"), csv)).rejects.toMatchObject({ kind: "config" });
  });

  test("wrong credentials are a configuration problem whose message holds no secret", async () => {
    const store = await openObjectStore({
      ...s3Settings,
      accessKeyId: "NOBODY",
      secretAccessKey: "wrong-secret",
      url: "s3://bucket",
    });
    const error = await store.put("key", Buffer.from("x"), csv).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ kind: "config" });
    expect((error as Error).message).not.toContain("wrong-secret");
  });
});

test.each(["", "/var/objects", "http://bucket", "file://host/folder", "s3:///bucket"])(
  "objectStore.url %j is refused",
  async (url) => {
    await expect(openObjectStore({ ...s3Settings, url })).rejects.toMatchObject({ kind: "config", code: "CFG001" });
  },
);
