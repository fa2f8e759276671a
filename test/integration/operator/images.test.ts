import { afterAll, beforeAll, describe, expect } from "vitest";
import { loadConfig } from "../../../src/kernel/config/load.js";
import type { Context } from "../../../src/kernel/context.js";
import { deleteImage } from "../../../src/operator/images/delete-image.js";
import { type ImportRequest, importImage } from "../../../src/operator/images/import-image.js";
import { listImages } from "../../../src/operator/images/list-images.js";
import { imageDocuments, serveDocuments, startFakeRegistry } from "../../fakes/registry.js";
import { call, deploy, givenDeveloper } from "../../support/account-api.js";
import { test as base } from "../../support/account-test.js";
import { startDockerRegistry } from "../../support/docker-registry.js";
import { outboxOf } from "../../support/miner-builders.js";
import { pushImage } from "../../support/push-image.js";

/** A registry that holds `chutes/engine:1.0`, `alice/engine:1.0` and `alice/mute:1.0`, which does not say its version. */
const registry: { url: string; close(): Promise<void> } = { url: "", close: async () => undefined };

beforeAll(async () => {
  const program = await startDockerRegistry();
  Object.assign(registry, program ?? (await startFakeOne()));
  if (program === undefined) return;
  for (const repository of ["chutes/engine", "alice/engine", "alice/mute"]) {
    const env = repository === "alice/mute" ? [] : ["CHUTES_VERSION=0.6.10"];
    await pushImage(registry.url, { repository, tag: "1.0", env });
  }
});

afterAll(() => registry.close());

function startFakeOne() {
  const config = (env: string[]) => Buffer.from(JSON.stringify({ config: { Env: env } }));
  const [engine, mute] = [imageDocuments(config(["CHUTES_VERSION=0.6.10"])), imageDocuments(config([]))];
  return startFakeRegistry((request, response) =>
    serveDocuments(request.url?.includes("/mute/") === true ? mute : engine)(request, response),
  );
}

const test = base.extend<{ ctx: (settings?: Record<string, unknown>) => Context }>({
  ctx: async ({ databaseUrl, log }, use) => {
    const { signal } = new AbortController();
    await use((settings = {}) => {
      const overrides = { postgres: { url: databaseUrl }, registry: { url: registry.url }, ...settings };
      return { config: loadConfig({ env: {}, overrides }), log, signal, now: () => new Date("2026-01-02T03:04:05Z") };
    });
  },
});

const request = (image: string, changes: Partial<ImportRequest> = {}): ImportRequest => ({
  image,
  owner: undefined,
  public: false,
  chutesVersion: undefined,
  readme: undefined,
  dryRun: false,
  ...changes,
});

const EMPTY = { status: "built and pushed", public: false, chutes: 0, chutes_version: "0.6.10" };

describe("image import", () => {
  test("registers an image that a developer then deploys on", async ({ api, db, ctx }) => {
    const alice = await givenDeveloper(api, { username: "Alice", balanceUsd: 100 });
    const report = await importImage(ctx(), request("alice/engine:1.0", { readme: "# hi" }));
    expect(report).toEqual({
      image_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      image: "alice/engine:1.0",
      registry: registry.url,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      size_bytes: expect.any(Number),
      public: false,
      chutes_version: "0.6.10",
      deployable: true,
      outcome: "registered",
      dry_run: false,
    });
    expect(await outboxOf(db, "miner_broadcast")).toEqual([
      { reason: "image_created", data: { image_id: report.image_id } },
    ]);
    const seen = await call(api, { url: `/images/${report.image_id}`, signer: alice.signer, purpose: "images" });
    expect(seen.json()).toMatchObject({ status: "built and pushed", readme: "# hi", user: { username: "Alice" } });
    const deployed = await deploy(api, alice, { image: report.image_id });
    expect(deployed.statusCode).toBe(200);
    const [line] = await listImages(ctx(), { owner: "ALICE", limit: 10 });
    expect(line).toEqual({
      ...EMPTY,
      image: report.image,
      image_id: report.image_id,
      chutes: 1,
      created_at: "2026-01-02T03:04:05.000Z",
    });
  });

  test("takes the platform's account when none is named, and says what is public", async ({ api, ctx }) => {
    await givenDeveloper(api, { username: "alice" });
    await expect(importImage(ctx(), request("engine:1.0"))).rejects.toMatchObject({
      kind: "not_found",
      message: expect.stringContaining("chutes"),
    });
    const settings = { platformUsername: "alice" };
    const report = await importImage(ctx(settings), request("engine:1.0", { public: true }));
    expect(report).toMatchObject({ image: "alice/engine:1.0", public: true });
  });

  test("of a known image renews what the operator says of it, and tells nobody", async ({ api, db, ctx }) => {
    await givenDeveloper(api, { username: "alice" });
    const first = await importImage(ctx(), request("alice/engine:1.0", { readme: "old" }));
    await db.updateTable("images").set({ status: "error: no" }).execute();
    const again = await importImage(
      ctx(),
      request("engine:1.0", { owner: "alice", public: true, chutesVersion: "0.7.0" }),
    );
    expect(again).toMatchObject({ image_id: first.image_id, outcome: "renewed", chutes_version: "0.7.0" });
    const rows = await db.selectFrom("images").select(["public", "status", "chutes_version", "readme"]).execute();
    expect(rows).toEqual([{ public: true, status: "built and pushed", chutes_version: "0.7.0", readme: "old" }]);
    expect(await outboxOf(db, "miner_broadcast")).toHaveLength(1);
  });

  test("under dry run looks everything up and writes nothing", async ({ api, db, ctx }) => {
    await givenDeveloper(api, { username: "alice" });
    const report = await importImage(ctx(), request("alice/engine:1.0", { dryRun: true }));
    expect(report).toMatchObject({ outcome: "registered", dry_run: true });
    expect(await db.selectFrom("images").select("image_id").execute()).toEqual([]);
    expect(await outboxOf(db, "miner_broadcast")).toEqual([]);
    await expect(importImage(ctx(), request("alice/engine:9.9", { dryRun: true }))).rejects.toMatchObject({
      kind: "not_found",
    });
  });

  test("wants to be told the version of an image that does not say it", async ({ api, ctx }) => {
    await givenDeveloper(api, { username: "alice" });
    const refused = { kind: "invalid", fix: expect.stringContaining("--chutes-version") };
    await expect(importImage(ctx(), request("alice/mute:1.0"))).rejects.toMatchObject(refused);
    await expect(importImage(ctx(), request("alice/mute:1.0", { chutesVersion: "new" }))).rejects.toMatchObject(
      refused,
    );
    const old = await importImage(ctx(), request("alice/mute:1.0", { chutesVersion: "0.2.0" }));
    expect(old).toMatchObject({ chutes_version: "0.2.0", deployable: false });
  });

  test("refuses names that are none before asking the registry", async ({ api, ctx }) => {
    await givenDeveloper(api, { username: "alice" });
    const nowhere = ctx({ registry: { url: "http://127.0.0.1:1" } });
    for (const image of ["engine", "a/b/c:1.0", "engine:", "alice/engine:1.0 "])
      await expect(importImage(nowhere, request(image))).rejects.toMatchObject({ kind: "invalid" });
    for (const image of ["alice/a..b:1.0", "alice/engine:forgebuild-x", "alice/engine:1"])
      await expect(importImage(nowhere, request(image))).rejects.toMatchObject({ kind: "unprocessable" });
    const two = request("alice/engine:1.0", { owner: "bob" });
    await expect(importImage(nowhere, two)).rejects.toMatchObject({ kind: "invalid" });
  });

  test("wants a registry whose URL holds no password", async ({ ctx }) => {
    const urls = {
      "": "CFG003",
      "ftp://x": "CFG001",
      "http://a:b@x": "CFG001",
      "https://x/v2": "CFG001",
      "::": "CFG001",
    };
    for (const [url, code] of Object.entries(urls)) {
      const attempt = importImage(ctx({ registry: { url } }), request("alice/engine:1.0"));
      await expect(attempt).rejects.toMatchObject({ kind: "config", code });
    }
  });
});

describe("image delete", () => {
  test("takes an image out by name or id, once, and tells the miners", async ({ api, db, ctx }) => {
    await givenDeveloper(api, { username: "alice" });
    const { image_id } = await importImage(ctx(), request("alice/engine:1.0"));
    const dry = await deleteImage(ctx(), { image: "Alice/Engine:1.0", dryRun: true });
    expect(dry).toMatchObject({ image_id, chutes: 0 });
    expect(await listImages(ctx(), { owner: undefined, limit: 10 })).toHaveLength(1);
    expect(await deleteImage(ctx(), { image: image_id.toUpperCase(), dryRun: false })).toMatchObject({ image_id });
    expect(await listImages(ctx(), { owner: undefined, limit: 10 })).toEqual([]);
    expect((await outboxOf(db, "miner_broadcast")).at(-1)).toEqual({ reason: "image_deleted", data: { image_id } });
    await expect(deleteImage(ctx(), { image: image_id, dryRun: false })).rejects.toMatchObject({ kind: "not_found" });
  });

  test("refuses while chutes run on it, also under dry run", async ({ api, ctx }) => {
    const alice = await givenDeveloper(api, { username: "alice", balanceUsd: 100 });
    await importImage(ctx(), request("alice/engine:1.0"));
    expect((await deploy(api, alice, { image: "engine:1.0" })).statusCode).toBe(200);
    for (const dryRun of [true, false])
      await expect(deleteImage(ctx(), { image: "alice/engine:1.0", dryRun })).rejects.toMatchObject({
        kind: "conflict",
      });
  });
});

test("image list is newest first, bounded, and by owner", async ({ api, ctx }) => {
  await givenDeveloper(api, { username: "alice" });
  await givenDeveloper(api, { username: "chutes-2" });
  await importImage(ctx(), request("alice/engine:1.0"));
  await importImage(
    { ...ctx(), now: () => new Date("2026-01-03T00:00:00Z") },
    request("alice/mute:1.0", { chutesVersion: "0.6.0" }),
  );
  const names = async (owner: string | undefined, limit: number) =>
    (await listImages(ctx(), { owner, limit })).map(({ image }) => image);
  expect(await names(undefined, 10)).toEqual(["alice/mute:1.0", "alice/engine:1.0"]);
  expect(await names(undefined, 1)).toEqual(["alice/mute:1.0"]);
  expect(await names("chutes-2", 10)).toEqual([]);
});
