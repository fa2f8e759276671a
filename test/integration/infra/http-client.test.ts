import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createHttpClient, type HttpClientOptions } from "../../../src/infra/http-client/client.js";

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function client(options: Partial<HttpClientOptions> = {}) {
  const http = createHttpClient({ connectTimeoutMs: 1000, totalTimeoutMs: 5000, ...options });
  onTestFinished(() => http.close());
  return http;
}

const echo: RequestListener = (request, response) => {
  const { method, url: path, headers } = request;
  response.setHeader("content-type", "application/json");
  void text(request).then((body) => response.end(JSON.stringify({ method, path, headers, body })));
};

test("a value is sent as JSON and an answer is read as JSON", async () => {
  const url = `http://127.0.0.1:${await serve(echo)}/chutes/?x=1`;
  const answer = await client().requestJson(url, { json: { name: "ü" }, headers: { "x-chutes-hotkey": "5G" } });
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.body).toMatchObject({
    method: "POST",
    path: "/chutes/?x=1",
    body: '{"name":"ü"}',
    headers: { "content-type": "application/json", accept: "application/json", "x-chutes-hotkey": "5G" },
  });
});

test("without a value it is a GET without a body", async () => {
  const { body } = await client().requestJson(`http://127.0.0.1:${await serve(echo)}/`);
  expect(body).toMatchObject({ method: "GET", body: "" });
  expect(body).not.toHaveProperty("headers.content-type");
});

test("bytes are sent exactly as given", async () => {
  const url = `http://127.0.0.1:${await serve(echo)}/`;
  const { body } = await client().request(url, { method: "PUT", body: Buffer.from('{ "a" : 1 }') });
  expect(JSON.parse(body.toString())).toMatchObject({ method: "PUT", body: '{ "a" : 1 }' });
});

test("an error status is an answer, and a redirect is not followed", async () => {
  const port = await serve((request, response) => {
    if (request.url === "/moved") response.writeHead(302, { location: "/other" }).end();
    else response.writeHead(429, { "retry-after": "7" }).end('{"detail":"later"}');
  });
  const http = client();
  const limited = await http.requestJson(`http://127.0.0.1:${port}/`);
  expect(limited).toMatchObject({ status: 429, headers: { "retry-after": "7" }, body: { detail: "later" } });
  expect(await http.requestJson(`http://127.0.0.1:${port}/moved`)).toMatchObject({ status: 302, body: undefined });
});

test("names below localhost are found on this machine when asked to", async () => {
  const port = await serve(echo);
  const url = `http://llm.localhost:${port}/v1/models`;
  const { body } = await client({ lookupLocalhost: true }).requestJson(url);
  expect(body).toMatchObject({ path: "/v1/models", headers: { host: `llm.localhost:${port}` } });
});

test("an answer larger than allowed is refused while it is read", async () => {
  let isClosed = false;
  const port = await serve((_request, response) => {
    const timer = setInterval(() => response.write("x".repeat(1000)), 1);
    response.on("close", () => {
      clearInterval(timer);
      isClosed = true;
    });
  });
  const reading = client().request(`http://127.0.0.1:${port}/`, { maxBytes: 5000 });
  await expect(reading).rejects.toMatchObject({ kind: "too_large", message: expect.stringContaining("5000 bytes") });
  await expect.poll(() => isClosed).toBe(true);
});

test("an answer that is not JSON is unavailable", async () => {
  const port = await serve((_request, response) => response.writeHead(502).end("<html>bad gateway</html>"));
  await expect(client().requestJson(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("answered 502 with something that is not JSON"),
  });
});

test("a peer that is not there is unavailable, and the message shows neither password nor query", async () => {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  const error = await client()
    .request(`http://user:hidden@127.0.0.1:${port}/path?token=hidden`)
    .catch((thrown: Error) => thrown);
  expect(error).toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining(`http://127.0.0.1:${port}/path`),
  });
  expect((error as Error).message).not.toContain("hidden");
});

test("a peer that hangs up in the middle is unavailable", async () => {
  const port = await serve((_request, response) => {
    response.writeHead(200, { "content-length": "100" }).write("only this", () => response.destroy());
  });
  await expect(client().request(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ kind: "unavailable" });
});

test("a peer that talks for longer than the whole request may take is unavailable", async () => {
  const port = await serve((_request, response) => {
    const timer = setInterval(() => response.write("."), 10);
    response.on("close", () => clearInterval(timer));
  });
  const reading = client({ totalTimeoutMs: 150 }).request(`http://127.0.0.1:${port}/`);
  await expect(reading).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("within 150 ms"),
  });
});

test("the signal stops a request", async () => {
  const abort = new AbortController();
  const port = await serve(() => abort.abort());
  const reading = client().request(`http://127.0.0.1:${port}/`, { signal: abort.signal });
  await expect(reading).rejects.toMatchObject({ kind: "aborted" });
});

test.each(["not a url", "ftp://host/", "/path"])("%j is no http URL", async (url) => {
  await expect(client().request(url)).rejects.toMatchObject({ kind: "invalid" });
});

test("an open answer outlasts the time limit and ends with the signal", async () => {
  const port = await serve((_request, response) => {
    const timer = setInterval(() => response.write("data\n"), 20);
    response.on("close", () => clearInterval(timer));
  });
  const abort = new AbortController();
  const started = performance.now();
  const { status, body } = await client({ totalTimeoutMs: 100 }).open(`http://127.0.0.1:${port}/`, {
    signal: abort.signal,
  });
  expect(status).toBe(200);
  const reading = async () => {
    for await (const _chunk of body) if (performance.now() - started > 300) abort.abort();
  };
  await expect(reading()).rejects.toThrow();
  expect(performance.now() - started).toBeGreaterThan(300);
});

test("an answer whose headers are late is not opened", async () => {
  const port = await serve(() => undefined);
  const opening = client({ totalTimeoutMs: 100 }).open(`http://127.0.0.1:${port}/`);
  await expect(opening).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("within 100 ms"),
  });
});
