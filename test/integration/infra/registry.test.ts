import { KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createHttpClient } from "../../../src/infra/http-client/client.js";
import { openRegistry, type RegistryOptions } from "../../../src/infra/registry/client.js";
import { sha256Hex } from "../../../src/wire/hashes.js";
import {
  documentFor,
  type FakeRegistry,
  imageDocuments,
  serveDocuments,
  startFakeRegistry,
} from "../../fakes/registry.js";
import { type DockerRegistry, REGISTRY_ACCOUNT, startDockerRegistry } from "../../support/docker-registry.js";
import { pushImage } from "../../support/push-image.js";

const NOBODY = { username: "", password: "", token: "" };

function registryAt(url: string, options: Partial<RegistryOptions> = {}, totalTimeoutMs = 5000) {
  const http = createHttpClient({ connectTimeoutMs: 1000, totalTimeoutMs });
  onTestFinished(() => http.close());
  return openRegistry({ http, url, credentials: NOBODY, ...options });
}

async function selfSigned(): Promise<{ key: string; cert: string }> {
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: "CN=127.0.0.1", keys }, webcrypto);
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString();
  return { key, cert: certificate.toString("pem") };
}

async function fake(...args: Parameters<typeof startFakeRegistry>): Promise<FakeRegistry> {
  const registry = await startFakeRegistry(...args);
  onTestFinished(() => registry.close());
  return registry;
}

const real: { open?: DockerRegistry | undefined; closed?: DockerRegistry | undefined } = {};
const hasProgram = await startDockerRegistry().then(async (registry) => {
  await registry?.close();
  return registry !== undefined;
});

describe.runIf(hasProgram)("a real registry", () => {
  beforeAll(async () => {
    [real.open, real.closed] = await Promise.all([startDockerRegistry(), startDockerRegistry({ auth: true })]);
    return async () => {
      await real.open?.close();
      await real.closed?.close();
    };
  });

  test.each(["docker", "oci", "list", "index"] as const)("shows an image stored as %s", async (form) => {
    const url = real.open?.url ?? "";
    const pushed = { repository: `alice/${form}`, tag: "1.0", form, env: ["A=b=c", "EMPTY"], labels: { l: "m" } };
    const digest = await pushImage(url, pushed);
    const image = await registryAt(url).image(`alice/${form}`, "1.0");
    expect(image).toMatchObject({ digest, sizeBytes: 23 });
    expect([...image.config.env]).toEqual([
      ["A", "b=c"],
      ["EMPTY", ""],
    ]);
    expect([...image.config.labels]).toEqual([["l", "m"]]);
  });

  test("does not know other names and tags", async () => {
    const url = real.open?.url ?? "";
    await pushImage(url, { repository: "alice/engine", tag: "1.0" });
    const unknown = { kind: "not_found", message: expect.stringContaining("alice/engine:2.0") };
    await expect(registryAt(url).image("alice/engine", "2.0")).rejects.toMatchObject(unknown);
    await expect(registryAt(url).image("alice/nothing", "1.0")).rejects.toMatchObject({ kind: "not_found" });
  });

  test("has images for other machines, which are refused", async () => {
    const url = real.open?.url ?? "";
    for (const form of ["docker", "index"] as const) {
      await pushImage(url, { repository: `arm/${form}`, tag: "1.0", form, architecture: "arm64" });
      const refused = { kind: "invalid", message: expect.stringContaining("linux/amd64") };
      await expect(registryAt(url).image(`arm/${form}`, "1.0")).rejects.toMatchObject(refused);
    }
  });

  test("that asks for an account gets it, and refuses without or with a wrong one", async () => {
    const url = real.closed?.url ?? "";
    const { username, password } = REGISTRY_ACCOUNT;
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    await pushImage(url, { repository: "alice/engine", tag: "1.0", authorization });
    const as = (credentials: Partial<typeof NOBODY>) =>
      registryAt(url, { credentials: { ...NOBODY, ...credentials } }).image("alice/engine", "1.0");
    expect(await as({ username, password })).toMatchObject({ sizeBytes: 23 });
    const refused = { kind: "unauthorized", fix: expect.stringContaining("REGISTRY_PASSWORD") };
    await expect(as({})).rejects.toMatchObject(refused);
    await expect(as({ username, password: "wrong" })).rejects.toMatchObject(refused);
  });
});

describe("a registry with a token service", () => {
  async function withTokens(realm: (port: number) => string) {
    const documents = imageDocuments();
    const registry = await fake((request, response) => {
      if (request.url?.startsWith("/token") === true) return void response.end('{"token":"t0"}');
      if (request.headers.authorization === "Bearer t0") return void response.end(documentFor(documents, request));
      const challenge = `Bearer realm="${realm(registry.port)}",service="a,b",scope="repository:alice/x:pull"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    return registry;
  }

  test("is told the account once, and then the token", async () => {
    const registry = await withTokens((port) => `http://127.0.0.1:${port}/token`);
    const credentials = { username: "me", password: "pw", token: "" };
    expect(await registryAt(registry.url, { credentials }).image("alice/x", "1.0")).toMatchObject({ sizeBytes: 7 });
    expect(registry.seen.map(({ line, authorization }) => [line.replace(/sha256:.*/, "…"), authorization])).toEqual([
      ["GET /v2/alice/x/manifests/1.0", undefined],
      ["GET /token?service=a%2Cb&scope=repository%3Aalice%2Fx%3Apull", `Basic ${btoa("me:pw")}`],
      ["GET /v2/alice/x/manifests/1.0", "Bearer t0"],
      ["GET /v2/alice/x/blobs/…", "Bearer t0"],
    ]);
  });

  test("is asked without an account when there is none", async () => {
    const registry = await withTokens((port) => `http://127.0.0.1:${port}/token`);
    expect(await registryAt(registry.url).image("alice/x", "1.0")).toMatchObject({ sizeBytes: 7 });
    expect(registry.seen[1]?.authorization).toBeUndefined();
  });

  test("elsewhere and without TLS is not told the password", async () => {
    const registry = await withTokens((port) => `http://localhost:${port}/token`);
    const credentials = { username: "me", password: "pw", token: "" };
    const attempt = registryAt(registry.url, { credentials }).image("alice/x", "1.0");
    await expect(attempt).rejects.toMatchObject({ kind: "invalid", message: expect.stringContaining("not https") });
    expect(registry.seen).toHaveLength(1);
  });

  test("is not asked when a token is given", async () => {
    const registry = await withTokens(() => "http://127.0.0.1:1/token");
    const credentials = { username: "me", password: "pw", token: "t0" };
    expect(await registryAt(registry.url, { credentials }).image("alice/x", "1.0")).toMatchObject({ sizeBytes: 7 });
  });
});

test("a blob kept elsewhere is fetched there, without our credentials", async () => {
  const documents = imageDocuments();
  const storage = await fake(serveDocuments(documents));
  const registry = await fake((request, response) => {
    if (request.headers.authorization === undefined)
      return void response.writeHead(401, { "www-authenticate": "Basic" }).end();
    if (request.url?.includes("/blobs/") === true)
      return void response.writeHead(307, { location: `${storage.url}${request.url}` }).end();
    response.end(documentFor(documents, request));
  });
  const credentials = { username: "me", password: "pw", token: "" };
  expect(await registryAt(registry.url, { credentials }).image("a/x", "1.0")).toMatchObject({ sizeBytes: 7 });
  expect(storage.seen).toEqual([{ line: expect.stringContaining("/blobs/"), authorization: undefined }]);
});

describe("failures are told apart:", () => {
  const failing = async (answer: Parameters<typeof startFakeRegistry>[0]) =>
    expect(registryAt((await fake(answer)).url, {}, 500).image("a/x", "1.0")).rejects;

  test("a redirect without end", async () => {
    const loop = await failing((request, response) => response.writeHead(307, { location: request.url }).end());
    await loop.toMatchObject({ kind: "unavailable" });
  });

  test("other bytes than the digest names", async () => {
    const documents = imageDocuments();
    const forged = await failing((request, response) =>
      response.end(request.url?.includes("/blobs/") === true ? "{}" : documentFor(documents, request)),
    );
    await forged.toMatchObject({ kind: "unavailable", message: expect.stringContaining("when asked for sha256:") });
  });

  test("a site that is no registry", async () => {
    await (await failing((_, response) => response.end("<html>"))).toMatchObject({
      kind: "invalid",
      fix: expect.stringContaining("--registry"),
    });
    await (await failing((_, response) => response.end('{"manifests":"x"}'))).toMatchObject({ kind: "invalid" });
  });

  test("a document without end", async () => {
    const endless = await failing((_, response) => response.end(Buffer.alloc(5 * 1024 * 1024)));
    await endless.toMatchObject({ kind: "too_large" });
  });

  test("a server in trouble, one that says nothing, and none at all", async () => {
    await (await failing((_, response) => response.writeHead(503).end())).toMatchObject({ kind: "unavailable" });
    await (await failing(() => undefined)).toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("500 ms"),
    });
    const gone = await startFakeRegistry(() => undefined);
    await gone.close();
    await expect(registryAt(gone.url).image("a/x", "1.0")).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("a certificate that nobody vouches for, with the way to trust it", async () => {
    const registry = await fake(serveDocuments(imageDocuments()), await selfSigned());
    const refused = { kind: "unavailable", fix: expect.stringContaining("NODE_EXTRA_CA_CERTS") };
    await expect(registryAt(registry.url).image("a/x", "1.0")).rejects.toMatchObject(refused);
    expect(registry.seen).toEqual([]);
  });

  test("a list inside a list", async () => {
    const list = (digest: string) =>
      Buffer.from(JSON.stringify({ manifests: [{ digest, platform: { os: "linux", architecture: "amd64" } }] }));
    const inner = list(`sha256:${"0".repeat(64)}`);
    const digest = `sha256:${sha256Hex(inner)}`;
    const documents = new Map([
      ["/manifests/1.0", list(digest)],
      [`/manifests/${digest}`, inner],
    ]);
    await (await failing(serveDocuments(documents))).toMatchObject({ kind: "invalid" });
  });
});
