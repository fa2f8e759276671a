import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { isPrivateHost, openRemoteApi, readBody } from "../../../src/operator/verify/fetch/remote-api.js";

async function serve(answer: (path: string) => { status: number; location?: string; body?: string }) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    seen.push(path);
    const { status, location, body = "" } = answer(path);
    response.writeHead(status, location === undefined ? {} : { location }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function get(url: string, path: string): Promise<string> {
  const { signal } = new AbortController();
  const api = openRemoteApi(url, signal);
  onTestFinished(() => api.close());
  const answer = await api.open(path);
  let text = "";
  await readBody(answer.body, { maxBytes: 1000, signal }, (chunk) => {
    text += chunk.toString();
  });
  return text;
}

test("up to five redirects are followed, relative ones too", async () => {
  const { url, seen } = await serve((path) =>
    path === "/6" ? { status: 200, body: "there" } : { status: 302, location: `/${Number(path.slice(1)) + 1}` },
  );
  expect(await get(url, "/1")).toBe("there");
  expect(seen).toEqual(["/1", "/2", "/3", "/4", "/5", "/6"]);
});

test("a circle of redirects ends", async () => {
  const { url, seen } = await serve(() => ({ status: 302, location: "/again" }));
  await expect(get(url, "/")).rejects.toMatchObject({ kind: "unavailable" });
  expect(seen).toHaveLength(6);
});

test.each(["file:///etc/passwd", "ftp://example.org/x", "http://"])("a redirect to %s is refused", async (location) => {
  const { url } = await serve(() => ({ status: 302, location }));
  await expect(get(url, "/")).rejects.toMatchObject({ kind: "unavailable" });
});

test("a body that is larger than allowed is cut off", async () => {
  const { url } = await serve(() => ({ status: 200, body: "x".repeat(2000) }));
  await expect(get(url, "/")).rejects.toMatchObject({ kind: "too_large" });
});

test.each([
  ["127.0.0.1", true],
  ["10.1.2.3", true],
  ["172.31.255.1", true],
  ["192.168.0.1", true],
  ["169.254.169.254", true],
  ["100.64.0.1", true],
  ["[::1]", true],
  ["[fd00::1]", true],
  ["[fe80::1]", true],
  ["[::ffff:10.0.0.1]", true],
  ["api.localhost", true],
  ["intranet", true],
  ["8.8.8.8", false],
  ["172.32.0.1", false],
  ["[2606:4700::1]", false],
  ["api.example.org", false],
])("%s is a private address: %s", (host, isPrivate) => {
  expect(isPrivateHost(host)).toBe(isPrivate);
});
