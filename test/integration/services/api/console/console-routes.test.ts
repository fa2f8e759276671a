import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { createHttpServer, type HttpServer } from "../../../../../src/infra/http-server/server.js";
import { loadConfig } from "../../../../../src/kernel/config/load.js";
import type { Logger } from "../../../../../src/kernel/logger.js";
import { consoleRoutes } from "../../../../../src/services/api/console/console-routes.js";
import { test } from "../../../../support/fixtures.js";

async function startConsole(log: Logger, webDir: string): Promise<HttpServer> {
  const config = loadConfig({ env: {}, overrides: { baseDomain: "example.org" } });
  const app = createHttpServer({ log, maxBodyBytes: 1000, trustedProxies: "127.0.0.1" });
  await app.register(consoleRoutes, { config, webDir });
  onTestFinished(() => app.close());
  return app;
}

/** A folder as the build leaves it. */
function builtPages(): string {
  const dir = mkdtempSync(join(tmpdir(), "console-"));
  mkdirSync(join(dir, "assets"));
  writeFileSync(join(dir, "index.html"), "<!doctype html><title>Console</title>");
  writeFileSync(join(dir, "assets", "main-1a2b.js"), "export {};");
  return dir;
}

const get = (app: HttpServer, url: string, host = "api.example.org") => app.inject({ url, headers: { host } });

test("every page is the same document, checked again at every visit", async ({ log }) => {
  const app = await startConsole(log, builtPages());
  for (const url of ["/", "/console", "/console/keys", "/console/chutes/some-id", "/console/playground?chute=x"]) {
    const { statusCode, headers, body } = await get(app, url);
    expect([statusCode, headers["content-type"], headers["cache-control"]]).toEqual([
      200,
      "text/html; charset=utf-8",
      "no-cache",
    ]);
    expect(body).toContain("<title>Console</title>");
  }
});

test("pages may load nothing but their own files and call nothing but the platform", async ({ log }) => {
  const { headers } = await get(await startConsole(log, builtPages()), "/");
  expect(headers["content-security-policy"]).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https://logos.example.org; " +
      "connect-src 'self' wss://events.example.org https://llm.example.org; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  );
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["referrer-policy"]).toBe("no-referrer");
});

test("assets are kept for ever: their names change with their content", async ({ log }) => {
  const app = await startConsole(log, builtPages());
  const { statusCode, headers } = await get(app, "/console/assets/main-1a2b.js");
  expect(statusCode).toBe(200);
  expect(headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  const head = await app.inject({ method: "HEAD", url: "/", headers: { host: "api.example.org" } });
  expect([head.statusCode, head.body]).toEqual([200, ""]);
});

test.for([
  ["an unknown path", "GET", "/console/nothing", "api.example.org"],
  ["an unknown asset", "GET", "/console/assets/none.js", "api.example.org"],
  ["a file outside the assets", "GET", "/console/assets/..%2findex.html", "api.example.org"],
  ["another method", "POST", "/", "api.example.org"],
  ["another host of the platform", "GET", "/", "llm.example.org"],
  ["an asset on another host", "GET", "/console/assets/main-1a2b.js", "some-chute.example.org"],
  ["the configuration on another host", "GET", "/console/config.json", "llm.example.org"],
] as const)("%s answers a JSON 404", async ([, method, url, host], { log }) => {
  const app = await startConsole(log, builtPages());
  const answer = await app.inject({ method, url, headers: { host } });
  expect([answer.statusCode, answer.json()]).toEqual([404, { detail: expect.any(String) }]);
});

test.for(["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "API.example.org"])(
  "the console answers at %s",
  async (host, { log }) => {
    expect((await get(await startConsole(log, builtPages()), "/", host)).statusCode).toBe(200);
  },
);

test("pages learn where the other hosts are", async ({ log }) => {
  expect((await get(await startConsole(log, builtPages()), "/console/config.json")).json()).toEqual({
    api_url: "https://api.example.org",
    llm_url: "https://llm.example.org",
    events_url: "https://events.example.org",
    chute_url: "https://{slug}.example.org",
  });
});

test("an installation without built pages says so, and the rest of the API works", async ({ log }) => {
  const app = await startConsole(log, join(tmpdir(), "no-such-folder"));
  const page = await get(app, "/");
  expect([page.statusCode, page.json<{ detail: string }>().detail]).toEqual([
    503,
    expect.stringContaining("npm run build"),
  ]);
  expect((await get(app, "/console/config.json")).statusCode).toBe(200);
});
