import { beforeAll, expect } from "vitest";
import { loadConfig } from "../../src/kernel/config/load.js";
import { imageDocuments, serveDocuments, startFakeRegistry } from "../fakes/registry.js";
import { build, runBinary } from "../support/binary.js";
import { test as base } from "../support/fixtures.js";
import { givenUser } from "../support/miner-builders.js";

beforeAll(build, 180_000);

interface Setting {
  readonly env: Record<string, string>;
}

const CONFIG = Buffer.from('{"os":"linux","architecture":"amd64","config":{"Env":["CHUTES_VERSION=0.6.10"]}}');

const test = base.extend<{ setting: Setting }>({
  setting: async ({ db, databaseUrl }, use) => {
    await givenUser(db, "alice");
    const registry = await startFakeRegistry((request, response) => {
      const authorization = `Basic ${Buffer.from("chutes:pw-of-registry").toString("base64")}`;
      if (request.headers.authorization === authorization) serveDocuments(imageDocuments(CONFIG))(request, response);
      else response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    await use({ env: { POSTGRES_URL: databaseUrl, REGISTRY_URL: registry.url, REGISTRY_PASSWORD: "pw-of-registry" } });
    await registry.close();
  },
});

test("image import, list and delete: one JSON document each, and nothing else on stdout", async ({
  setting: { env },
}) => {
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await runBinary(["image", ...args, "--json"], env);
    return { code, stderr, json: JSON.parse(stdout) as Record<string, unknown> };
  };
  const dry = await json("import", "alice/engine:1.0", "--dry-run");
  expect(dry).toMatchObject({ code: 0, stderr: "", json: { dry_run: true, outcome: "registered" } });
  expect(Object.keys(dry.json)).toEqual([
    "image_id",
    "image",
    "registry",
    "digest",
    "size_bytes",
    "public",
    "chutes_version",
    "deployable",
    "outcome",
    "dry_run",
  ]);
  expect(await json("import", "engine:1.0", "--owner", "alice", "--public")).toMatchObject({
    code: 0,
    json: { image: "alice/engine:1.0", public: true, chutes_version: "0.6.10", dry_run: false },
  });
  const listed = await json("list", "--owner", "alice", "--limit", "5");
  expect(Object.keys(Object(listed.json["images"])[0])).toEqual([
    "image_id",
    "image",
    "public",
    "status",
    "chutes_version",
    "created_at",
    "chutes",
  ]);
  expect((await json("delete", "alice/engine:1.0")).json).toMatchObject({ deleted: true, dry_run: false });
  expect(await json("delete", "alice/engine:1.0")).toMatchObject({ code: 1, json: { error: { code: "not_found" } } });
}, 60_000);

test("image import prints the id, says the rest on stderr, and never the password", async ({ setting: { env } }) => {
  const good = await runBinary(["image", "import", "alice/engine:1.0"], env);
  expect(good).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-f-]{36}\n$/) });
  expect(good.stderr).toContain("Registered alice/engine:1.0");
  const bad = await runBinary(["image", "import", "alice/engine:1.0", "--json"], {
    ...env,
    REGISTRY_PASSWORD: "wrong-one",
  });
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({
    error: { code: "unauthorized", fix: expect.stringContaining("REGISTRY_PASSWORD"), retryable: false },
  });
  expect(bad.stdout + bad.stderr).not.toContain("wrong-one");
}, 60_000);

test("image import without what it needs is a usage error that names it", async () => {
  const none = await runBinary(["image", "import", "a:1.0"], { REGISTRY_URL: "", POSTGRES_URL: "" });
  expect(none).toMatchObject({ code: 2, stderr: expect.stringMatching(/CFG003.*--registry/s) });
  expect(loadConfig({ env: {} }).registry).toEqual({ url: "", username: "chutes", password: "", token: "" });
}, 60_000);
