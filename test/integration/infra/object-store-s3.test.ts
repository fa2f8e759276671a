import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { openObjectStore } from "../../../src/infra/object-store/open.js";

interface Reply {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}
/** `GET /bucket/key?query`, and whether the request asks not to replace an object. */
type Script = (call: string, isConditional: boolean) => Reply;

const plain = { contentType: "text/plain" };
const found: Reply = { status: 200, headers: { "content-type": "text/plain", "content-length": "3" } };
const missing: Reply = { status: 404 };
const failed = (status: number, code: string): Reply => ({ status, body: `<Error><Code>${code}</Code></Error>` });

/** A store whose server answers as told, for the answers that a well-behaved test server never gives. */
async function storeWith(script: Script) {
  const calls: string[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    request.resume();
    await once(request, "end");
    const call = `${request.method} ${request.url?.replace(/([?&])x-id=\w+&?/, "$1").replace(/[?&]$/, "")}`;
    calls.push(call);
    const {
      status,
      body = "",
      headers = { "content-type": "application/xml" },
    } = script(call, request.headers["if-none-match"] === "*");
    response.writeHead(status, { etag: '"e"', ...headers }).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = { region: "us-east-1", accessKeyId: "id", secretAccessKey: "top-secret" };
  return { calls, store: await openObjectStore({ url: "s3://bucket", endpoint, ...keys }) };
}

test("a listing that comes in short pages is read to its end, and no further than asked", async () => {
  const page = (keys: string[], isMore: boolean) =>
    `<ListBucketResult><IsTruncated>${isMore}</IsTruncated>${keys
      .map(
        (key) =>
          `<Contents><Key>${key}</Key><Size>1</Size><LastModified>2026-01-07T00:00:00.000Z</LastModified></Contents>`,
      )
      .join("")}</ListBucketResult>`;
  const { calls, store } = await storeWith((call) => {
    const after = new URLSearchParams(call.split("?")[1]).get("start-after");
    if (after === null) return { status: 200, body: page(["a", "b"], true) };
    return { status: 200, body: after === "b" ? page(["c"], true) : page(["d"], false) };
  });
  expect((await store.list("", { limit: 5000 })).map(({ key }) => key)).toEqual(["a", "b", "c", "d"]);
  expect(calls).toHaveLength(3);
  expect(await store.list("", { limit: 3 })).toHaveLength(3);
  expect(calls).toHaveLength(5);
});

test.each([412, 409])(
  "ifAbsent is a conflict when the server answers %d to the writer that came second",
  async (status) => {
    const { store } = await storeWith((call) =>
      call.startsWith("HEAD") ? missing : failed(status, "PreconditionFailed"),
    );
    const put = store.put("key", Buffer.from("abc"), { ...plain, ifAbsent: true });
    await expect(put).rejects.toMatchObject({ kind: "conflict" });
  },
);

test("ifAbsent still stores where the server does not know the condition", async () => {
  let isStored = false;
  const { calls, store } = await storeWith((call, isConditional) => {
    if (call.startsWith("HEAD")) return isStored ? found : missing;
    if (isConditional) return failed(501, "NotImplemented");
    isStored = true;
    return { status: 200 };
  });
  expect(await store.put("key", Buffer.from("abc"), { ...plain, ifAbsent: true })).toMatchObject({ sizeBytes: 3 });
  expect(calls.filter((call) => call.startsWith("PUT"))).toHaveLength(2);
});

/** Answers of a multipart upload; `complete` is the last one. */
const multipart =
  (complete: Reply): Script =>
  (call) => {
    if (call.startsWith("HEAD")) return missing;
    if (call === "POST /bucket/key?uploads=") {
      return {
        status: 200,
        body: "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
      };
    }
    return call.startsWith("POST") ? complete : { status: call.startsWith("DELETE") ? 204 : 200 };
  };
const parts = (count: number) => Array.from({ length: count }, () => Buffer.alloc(8 * 1024 * 1024));

test("an upload whose source breaks is taken back, so that its parts are not kept for ever", async () => {
  const { calls, store } = await storeWith(multipart(failed(500, "InternalError")));
  const source = async function* () {
    yield* parts(2);
    throw new Error("source broke");
  };
  await expect(store.put("key", Readable.from(source()), plain)).rejects.toThrow("source broke");
  expect(calls.at(-1)).toBe("DELETE /bucket/key?uploadId=u1");
});

test("an upload that loses against another writer is taken back", async () => {
  const { calls, store } = await storeWith(multipart(failed(412, "PreconditionFailed")));
  const put = store.put("key", Readable.from(parts(3)), { ...plain, ifAbsent: true });
  await expect(put).rejects.toMatchObject({ kind: "conflict" });
  expect(calls.filter((call) => call.startsWith("PUT"))).toHaveLength(3);
  expect(calls.at(-1)).toBe("DELETE /bucket/key?uploadId=u1");
});

test("a server that keeps failing is unavailable after three tries, and the error holds no secret", async () => {
  const { calls, store } = await storeWith(() => failed(500, "InternalError"));
  const error = await store.get("key").catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ kind: "unavailable" });
  expect(JSON.stringify({ ...(error as Error), message: (error as Error).message })).not.toContain("top-secret");
  expect(calls).toHaveLength(3);
});
