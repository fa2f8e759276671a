import { readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodeOf } from "../../../src/operator/verify/report.js";
import { verify } from "../../../src/operator/verify/verify.js";
import { sha256Hex } from "../../../src/wire/hashes.js";
import { addressOf, exportHour, publish, temporaryDir } from "../../fakes/export-world.js";
import {
  checkOf,
  flipped,
  hourEnd,
  hourOfWorld,
  INSTANCES,
  MINERS,
  messages,
  metagraphRow,
  NOW,
  offlineWorld,
  openWorld,
  present,
  unitsUntil,
  VALIDATOR,
  verifyAt,
  verifyDeps,
} from "../../fakes/young-validator.js";

const served = (hour: number) => `/invocations/exports/2026/01/07/${hour}.csv`;
const METAGRAPH = [VALIDATOR, ...MINERS].map(metagraphRow);

describe("what keeps verification from running", () => {
  test("an API that does not answer", async () => {
    const world = await offlineWorld();
    await world.server.close();
    await expect(verifyAt(world)).rejects.toMatchObject({ kind: "unavailable" });
  });

  test.each([
    ["an index that is no JSON", Buffer.from("<html>"), "unavailable"],
    ["an index that is no list", Buffer.from("{}"), "unavailable"],
    ["no index", undefined, "invalid"],
  ])("%s", async (_, body, kind) => {
    const world = await offlineWorld();
    if (body === undefined) world.server.bodies.delete("/audit/");
    else world.server.bodies.set("/audit/", body);
    await expect(verifyAt(world)).rejects.toMatchObject({ kind });
  });

  test("an index of several validators without a hotkey; with one, only its entries are read", async () => {
    const world = await offlineWorld();
    const other = { hotkey: addressOf("other"), metagraph: METAGRAPH };
    const index = JSON.parse(String(world.server.bodies.get("/audit/"))) as unknown[];
    publish(world.server, [{ ...present(world.hours[0]), block: 7 }], other);
    const both = [...index, ...(JSON.parse(String(world.server.bodies.get("/audit/"))) as unknown[])];
    world.server.bodies.set("/audit/", Buffer.from(JSON.stringify(both)));
    await expect(verifyAt(world)).rejects.toMatchObject({ kind: "invalid", fix: expect.stringContaining("--hotkey") });
    const report = await verify({ ...world.options, hotkey: VALIDATOR.hotkey }, verifyDeps());
    expect(report.subject.hotkey).toBe(VALIDATOR.hotkey);
    expect(report.window.hours).toBe(3);
  });

  test("a directory that cannot be made", async () => {
    const world = await offlineWorld();
    await using dir = await temporaryDir();
    const file = await dir.write("file", "");
    const run = verify({ ...world.options, dir: join(file, "below") }, verifyDeps());
    await expect(run).rejects.toMatchObject({ kind: "config", code: "VER001" });
  });

  test("more bytes than allowed", async () => {
    const world = await offlineWorld();
    const run = verify({ ...world.options, maxBytes: 100 }, verifyDeps());
    await expect(run).rejects.toMatchObject({ kind: "invalid", fix: expect.stringContaining("--max-bytes") });
  });

  test.each([
    [{ api: "ftp://example.org", dir: "x" }],
    [{ api: "nonsense", dir: "x" }],
    [{}],
    [{ api: "http://example.org" }],
    [{ api: "http://example.org", dir: "x", csv: ["a.csv"] }],
    [{ csv: ["a.csv"], days: 0 }],
    [{ csv: ["a.csv"], from: hourEnd(14), to: hourEnd(13) }],
    [{ csv: ["a.csv"], from: new Date(0) }],
  ])("options that mean nothing: %j", async (options) => {
    await expect(verify({ netuid: 64, ...options }, verifyDeps())).rejects.toMatchObject({ kind: "invalid" });
  });

  test.each([
    [{ csv: ["/nowhere/14.csv"] }],
    [{ audit: ["/nowhere/1.json"] }],
    [{ csv: [], audit: ["vectors"], metagraph: "list" }],
  ])("local files that cannot be read: %j", async (given) => {
    await using dir = await temporaryDir();
    const list = await dir.write("list.json", '{"not": "a list"}');
    const audit = new URL("../../vectors/08-audit.json", import.meta.url).pathname;
    const options = "metagraph" in given ? { audit: [audit], metagraph: list } : given;
    await expect(verify({ netuid: 64, ...options }, verifyDeps())).rejects.toMatchObject({ code: "VER001" });
  });

  test("an interruption, after which the next run goes on", async () => {
    const world = await offlineWorld();
    const stop = new AbortController();
    const half = Math.floor(present(world.hours[0]).csv.length / 2);
    const arrived = async () => stop.abort();
    world.server.faults.set(served(13), { cutAfter: { bytes: half, times: 1, arrived } });
    const options = { ...world.options, jobs: 1 };
    await expect(verify(options, verifyDeps({ signal: stop.signal }))).rejects.toMatchObject({ kind: "aborted" });
    expect(exitCodeOf(await verify(options, verifyDeps()))).toBe(0);
  });
});

describe("downloads", () => {
  test("a busy server is asked again, a missing file is incomplete", async () => {
    const world = await offlineWorld();
    world.server.faults.set(served(13), { refuses: { status: 503, times: 2, retryAfter: "0" } });
    world.server.faults.set(served(14), { refuses: { status: 429, times: 1 } });
    world.server.bodies.delete(served(15));
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(4);
    expect(messages(report, "V04")).toBe("2026/01/07/15.csv: the API answers 404");
    expect(world.server.seen.filter(({ path }) => path === served(13)).map(({ status }) => status)).toEqual([
      503, 503, 200,
    ]);
  });

  test("a server that stays busy makes the run fail as unavailable", async () => {
    const world = await offlineWorld();
    world.server.faults.set(served(13), { refuses: { status: 500, times: 99 } });
    await expect(verifyAt(world)).rejects.toMatchObject({ kind: "unavailable" });
    expect(world.server.seen.filter(({ path }) => path === served(13))).toHaveLength(6);
  });

  test("a report that the API does not serve is incomplete", async () => {
    const world = await offlineWorld();
    for (const path of world.server.bodies.keys()) if (path.endsWith("400.json")) world.server.bodies.delete(path);
    const report = await verifyAt(world);
    expect(messages(report, "V01")).toContain("report of block 400: the API does not serve it");
    expect(exitCodeOf(report)).toBe(4);
  });

  test("names below localhost and a base path are found", async () => {
    const world = await offlineWorld();
    for (const [path, body] of [...world.server.bodies]) world.server.bodies.set(`/base${path}`, body);
    const api = `${world.server.url.replace("127.0.0.1", "api.localhost")}/base//`;
    const report = await verify({ ...world.options, api }, verifyDeps());
    expect(exitCodeOf(report)).toBe(0);
    expect(world.server.seen.every(({ path }) => path.startsWith("/base/"))).toBe(true);
  });

  test("hours with equal files are transferred once and counted each", async () => {
    const hours = [13, 14, 15].map((hour) => hourOfWorld(hour, { rows: [] }));
    const world = await offlineWorld(hours);
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(0);
    expect(report.totals).toMatchObject({ files: 9, rows: 0 });
    expect(checkOf(report, "V04").counts).toEqual({ ok: 9 });
    expect(await readdir(join(world.options.dir, "csv"))).toHaveLength(3);
  });

  test("a stored file that changed is hashed and fetched again", async () => {
    const world = await offlineWorld();
    await verifyAt(world);
    const path = join(world.options.dir, "csv", `${sha256Hex(present(world.hours[0]).csv)}.csv`);
    await truncate(path, 100);
    world.server.seen.length = 0;
    expect(exitCodeOf(await verifyAt(world))).toBe(0);
    expect(world.server.seen.filter(({ path: asked }) => asked === served(13))).toHaveLength(1);
  });

  test("a change that hides behind size and time is found by a recheck", async () => {
    const world = await offlineWorld();
    await verifyAt(world);
    const path = join(world.options.dir, "csv", `${sha256Hex(present(world.hours[0]).csv)}.csv`);
    const { mtime } = await stat(path);
    await writeFile(path, flipped(await readFile(path), 600));
    await utimes(path, mtime, mtime);
    world.server.seen.length = 0;
    const report = await verify({ ...world.options, recheck: true }, verifyDeps());
    expect(exitCodeOf(report)).toBe(0);
    expect(world.server.seen.filter(({ path: asked }) => asked === served(13))).toHaveLength(1);
  });

  test("state that is gone or garbage costs time, not correctness", async () => {
    const world = await offlineWorld();
    const first = await verifyAt(world);
    for (const spoil of [
      () => writeFile(join(world.options.dir, "state.json"), "{{{"),
      () => rm(join(world.options.dir, "state.json")),
    ]) {
      await spoil();
      world.server.seen.length = 0;
      expect((await verifyAt(world)).checks).toEqual(first.checks);
      expect(world.server.seen.some(({ path }) => path.startsWith("/invocations/"))).toBe(false);
    }
  });

  test("progress is told for downloads and for reading", async () => {
    const seen: string[] = [];
    await verifyAt(await offlineWorld(), {
      onProgress: ({ phase, done, total }) => seen.push(`${phase} ${done}/${total}`),
    });
    expect(seen).toContain("download 9/9");
    expect(seen.at(-1)).toBe("read 3/3");
  });
});

describe("windows", () => {
  test("a later export of an hour replaces the early one", async () => {
    const early = hourOfWorld(15, {
      closedAt: new Date("2026-01-07T14:20:00Z"),
      rows: [],
      scores: unitsUntil(new Date("2026-01-07T14:20:00Z")),
    });
    const world = await openWorld([
      { ...hourOfWorld(13), block: 100 },
      { ...hourOfWorld(14), block: 400 },
      { ...early, block: 500 },
      { ...hourOfWorld(15), block: 700 },
    ]);
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(0);
    expect(report.totals.rows).toBe(36);
    expect(messages(report, "V01")).not.toContain("before its end");
  });

  test("an hour that was only exported early is a warning", async () => {
    const closedAt = new Date("2026-01-07T14:20:00Z");
    const world = await offlineWorld([
      hourOfWorld(13),
      hourOfWorld(14),
      hourOfWorld(15, { closedAt, scores: unitsUntil(closedAt) }),
    ]);
    const report = await verifyAt(world);
    expect(messages(report, "V01")).toContain("was exported at 2026-01-07T14:20:00.000Z, before its end");
    expect(checkOf(report, "V08").counts).toEqual({ ok: 3 });
    expect(exitCodeOf(report)).toBe(0);
    expect(exitCodeOf(report, { strict: true })).toBe(3);
  });

  test("a window of one hour still looks back for its scores, but judges only itself", async () => {
    const world = await offlineWorld([
      hourOfWorld(12, { rows: [], instances: [], scores: {} }),
      hourOfWorld(14),
      hourOfWorld(15),
    ]);
    const report = await verify(
      { ...world.options, from: hourEnd(14), to: hourEnd(15) },
      verifyDeps({ now: () => new Date("2026-01-07T16:10:00Z") }),
    );
    expect(checkOf(report, "V01")).toMatchObject({ status: "ok", counts: { ok: 1 } });
    expect(report.totals.files).toBe(3);
    expect(checkOf(report, "V08").status).toBe("ok");
  });

  test("an explicit window before the first report is incomplete, the default one only a warning", async () => {
    const world = await offlineWorld();
    const report = await verify({ ...world.options, days: 1 }, verifyDeps());
    expect(report.window.missing).toHaveLength(21);
    expect(exitCodeOf(report)).toBe(4);
  });

  test("an hour that may still be exported is not missing yet", async () => {
    const world = await offlineWorld([hourOfWorld(13), hourOfWorld(14)]);
    expect(exitCodeOf(await verifyAt(world, { now: () => new Date("2026-01-07T15:40:00Z") }))).toBe(0);
    expect(exitCodeOf(await verifyAt(world, { now: () => new Date("2026-01-07T16:01:00Z") }))).toBe(4);
  });

  test("an empty index is incomplete", async () => {
    const report = await verifyAt(await offlineWorld([]));
    expect(report.verdict).toBe("incomplete");
    expect(report.window.missing.length).toBeGreaterThan(100);
  });

  test("a path that names another hour is a violation", async () => {
    const hours = [13, 14, 15].map((hour) =>
      hourOfWorld(hour, hour === 14 ? { paths: { invocations: "invocations/2026/01/07/13.csv" } } : {}),
    );
    const report = await verifyAt(await offlineWorld(hours));
    expect(messages(report, "V04")).toContain("the path invocations/2026/01/07/13.csv names another hour");
    expect(exitCodeOf(report)).toBe(3);
  });

  test("index lines with a wrong id or path, and lines that are none, are violations", async () => {
    const world = await offlineWorld();
    const index = JSON.parse(String(world.server.bodies.get("/audit/"))) as Record<string, unknown>[];
    present(index[0])["entry_id"] = "00000000-0000-5000-8000-000000000000";
    const moved = `audit/validator/${VALIDATOR.hotkey}/401.json`;
    world.server.bodies.set(`/audit/download?path=${encodeURIComponent(moved)}`, present(world.hours[1]).audit);
    present(index[1])["path"] = moved;
    world.server.bodies.set("/audit/", Buffer.from(JSON.stringify([...index, { hotkey: 7 }])));
    const report = await verifyAt(world);
    expect(checkOf(report, "V02").counts).toEqual({ ok: 1, violation: 3 });
    expect(exitCodeOf(report)).toBe(3);
  });
});

describe("scores", () => {
  const wrong = { [MINERS[0].hotkey]: 0.5, [MINERS[1].hotkey]: 0.5 };

  test("published scores that do not follow from the data are a mismatch", async () => {
    const hours = [13, 14, 15].map((hour) => hourOfWorld(hour, hour === 14 ? { scores: wrong } : {}));
    const report = await verifyAt(await offlineWorld(hours));
    expect(report.verdict).toBe("mismatch");
    expect(messages(report, "V08")).toContain("published 0.500000000, recomputed");
    expect(checkOf(report, "V08").counts).toEqual({ ok: 2, mismatch: 2 });
  });

  test("with an hour missing the same difference proves nothing", async () => {
    const report = await verifyAt(await offlineWorld([hourOfWorld(13), hourOfWorld(15, { scores: wrong })]));
    expect(report.verdict).toBe("incomplete");
    expect(exitCodeOf(report)).toBe(4);
  });

  test("a key that left or was blacklisted after the report does not make its scores wrong", async () => {
    const world = await offlineWorld();
    const rows = [VALIDATOR, MINERS[0]].map((row) => ({
      ...metagraphRow(row),
      blacklist_reason: row === MINERS[0] ? "spoofed" : null,
    }));
    world.server.bodies.set("/miner/metagraph", Buffer.from(JSON.stringify(rows)));
    expect(checkOf(await verifyAt(world), "V08").counts).toEqual({ ok: 3 });
  });

  test("scores of an invocation profile are recomputed from the rows of all hours", async () => {
    const share = (hour: number) => {
      const count = (hour - 12) * 6;
      // Equal rows for both miners, only the breadth differs: one of them has had its chute for a full hour.
      expect(count).toBeGreaterThan(0);
      return { [MINERS[0].hotkey]: 0.5, [MINERS[1].hotkey]: 0.5 };
    };
    const hours = [13, 14, 15].map((hour) =>
      hourOfWorld(hour, { instances: [], scores: share(hour), profile: "invocations-2025-10" }),
    );
    const report = await verifyAt(await offlineWorld(hours));
    expect(report.profile).toBe("invocations-2025-10");
    expect(checkOf(report, "V08").counts).toEqual({ ok: 3 });
    expect(report.miners.map(({ figures }) => figures["invocation_count"])).toEqual([18, 18]);
  });

  test("reports without scores are compared with what the API serves now, allowing for its age", async () => {
    const hours = [13, 14, 15].map((hour) => hourOfWorld(hour, { isUpstream: true }));
    const world = await offlineWorld(hours);
    const serve = (scores: object) =>
      world.server.bodies.set("/miner/scores", Buffer.from(JSON.stringify({ raw_values: {}, final_scores: scores })));
    serve(unitsUntil(hourEnd(15)));
    expect(checkOf(await verifyAt(world), "V08").counts).toEqual({ ok: 1 });
    serve(wrong);
    expect((await verifyAt(world)).verdict).toBe("mismatch");
    world.server.bodies.delete("/miner/scores");
    expect(checkOf(await verifyAt(world), "V08").status).toBe("skip");
  });

  test("without any metagraph every key counts, with a warning", async () => {
    const world = await offlineWorld();
    world.server.bodies.delete("/miner/metagraph");
    const report = await verifyAt(world);
    expect(messages(report, "V08")).toContain("every hotkey counts as registered");
    expect(report.miners).toHaveLength(2);
    expect(exitCodeOf(report)).toBe(0);
  });

  test("a row that cannot be read in a small file is a violation, in the table and in the totals", async () => {
    const good = hourOfWorld(14);
    const csv = Buffer.from(String(good.csv).replace(",1.0,0,", ",nan,0,"));
    const audit = JSON.parse(String(good.audit)) as {
      csv_exports: { invocations: { sha256: string } };
      export: { bytes: { invocations: number } };
    };
    audit.csv_exports.invocations.sha256 = sha256Hex(csv);
    audit.export.bytes.invocations = csv.length;
    const hours = [hourOfWorld(13), { ...good, csv, audit: Buffer.from(JSON.stringify(audit)) }, hourOfWorld(15)];
    const report = await verifyAt(await offlineWorld(hours));
    expect(messages(report, "V05")).toBe("2026/01/07/14.csv: 1 row of 12 cannot be read and do not count");
    expect(report.totals.bad_rows).toBe(1);
    expect(exitCodeOf(report)).toBe(3);
  });

  test("an instance that changes between reports is a V07 violation", async () => {
    const moved = INSTANCES.map((instance) => ({
      ...instance,
      activatedAt: new Date(instance.activatedAt.getTime() - 60_000),
    }));
    const hours = [hourOfWorld(13), hourOfWorld(14), exportHour({ end: hourEnd(15), instances: moved })];
    const report = await verifyAt(await offlineWorld(hours));
    expect(messages(report, "V07")).toContain("activated_at differs from an earlier report");
    expect(exitCodeOf(report)).toBe(3);
    expect(NOW > hourEnd(15)).toBe(true);
  });
});
