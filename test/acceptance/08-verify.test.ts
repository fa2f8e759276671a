import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, vi } from "vitest";
import type { ChainReader } from "../../src/infra/chain/client.js";
import type { VerifyOptions } from "../../src/operator/verify/options.js";
import { renderTable } from "../../src/operator/verify/render-table.js";
import { exitCodeOf, type VerifyReport } from "../../src/operator/verify/report.js";
import { verify } from "../../src/operator/verify/verify.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import { ALICE, BOB } from "../fakes/chain-accounts.js";
import { startLocalChain } from "../fakes/chain-local.js";
import {
  addressOf,
  type ExportedHour,
  exportHour,
  exportPath,
  type HourSpec,
  publish,
  type RowSpec,
  temporaryDir,
} from "../fakes/export-world.js";
import {
  checkOf,
  flipped,
  hourEnd,
  hourOfWorld,
  MINERS,
  messages,
  metagraphRow,
  offlineWorld,
  openWorld,
  present,
  unitsUntil,
  VALIDATOR,
  verifyAt,
  verifyDeps,
  type World,
} from "../fakes/young-validator.js";
import { test } from "../support/fixtures.js";

const VECTORS = new URL("../vectors/", import.meta.url).pathname;
const CSV = join(VECTORS, "08-invocations.csv");
const REPORTS = join(VECTORS, "08-reports.csv");
const AUDIT = join(VECTORS, "08-audit.json");
const AS_OF = new Date("2026-01-08T00:00:00Z");

interface Expected {
  readonly metagraph: readonly { hotkey: string; coldkey: string; uid: number }[];
  readonly gpu_counts: Readonly<Record<string, number>>;
  readonly profiles: Readonly<Record<string, { scores: Record<string, number> }>>;
}

let expected: Expected;
beforeAll(async () => {
  await initCrypto();
  expected = JSON.parse(await readFile(join(VECTORS, "08-expected.json"), "utf8")) as Expected;
});

/** The files of the vectors beside the two lists that an API would serve. */
async function vectorOptions(dir: string): Promise<VerifyOptions> {
  const metagraph = join(dir, "metagraph.json");
  const gpuCounts = join(dir, "gpu-counts.json");
  const counts = Object.entries(expected.gpu_counts).map(([chute_id, gpu_count]) => ({ chute_id, gpu_count }));
  await writeFile(metagraph, JSON.stringify(expected.metagraph.map(metagraphRow)));
  await writeFile(gpuCounts, JSON.stringify(counts));
  return { netuid: 64, csv: [CSV], reports: [REPORTS], audit: [AUDIT], metagraph, gpuCounts, asOf: AS_OF };
}

function scoresOf(report: VerifyReport): Record<string, number> {
  const scored = report.miners.filter((miner) => (miner.expected ?? 0) > 0);
  return Object.fromEntries(scored.map((miner) => [miner.hotkey, miner.expected ?? 0]));
}

describe("08 §11.11–§11.14: local files", () => {
  for (const profile of ["invocations-2025-02", "invocations-2025-10", "instance-lifetime"] as const) {
    test(`08 §11.11: the vectors give the published scores of ${profile} and exit 0`, async () => {
      await using dir = await temporaryDir();
      const report = await verify({ ...(await vectorOptions(dir.path)), profile }, verifyDeps());
      const want = expected.profiles[profile]?.scores ?? {};
      const got = scoresOf(report);
      expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
      for (const [hotkey, score] of Object.entries(want)) expect(got[hotkey]).toBeCloseTo(score, 9);
      expect(exitCodeOf(report)).toBe(0);
      expect(report.verdict).toBe("ok");
      expect(checkOf(report, "V04").counts["ok"]).toBe(2);
      expect(renderTable(report)).toContain((want[ALICE.address] ?? 0).toFixed(9));
    });
  }

  test("08 §11.11: reports with compute history choose instance-lifetime", async () => {
    await using dir = await temporaryDir();
    const report = await verify(await vectorOptions(dir.path), verifyDeps());
    expect(report.profile).toBe("instance-lifetime");
    const off = await verify({ ...(await vectorOptions(dir.path)), oneHotkeyPerColdkey: false }, verifyDeps());
    const want = expected.profiles["instance-lifetime-all-hotkeys"]?.scores ?? {};
    for (const [hotkey, score] of Object.entries(want)) expect(scoresOf(off)[hotkey]).toBeCloseTo(score, 9);
  });

  test("08 §11.12: without the confirmation Bob has 4 invocations, 1 bounty, 390 units", async () => {
    await using dir = await temporaryDir();
    const unconfirmed = (await readFile(REPORTS, "utf8")).replace(",2026-01-07 23:00:00+00:00,", ",,");
    const reports = [await dir.write("08-reports.csv", unconfirmed)];
    const options = { ...(await vectorOptions(dir.path)), reports, profile: "invocations-2025-10" as const };
    const figures = async (given: VerifyOptions) =>
      (await verify(given, verifyDeps())).miners.find((miner) => miner.hotkey === BOB.address)?.figures;
    const counted = { invocation_count: 4, bounty_count: 1, compute_units: 390 };
    expect(await figures(options)).toMatchObject(counted);
    expect(await figures({ ...options, reports: [] })).toMatchObject(counted);
    expect(await figures({ ...options, reports: [REPORTS] })).toMatchObject({
      invocation_count: 3,
      compute_units: 360,
    });
  });

  const at = (day: number, time: string) => new Date(`2026-01-0${day}T${time}Z`);
  const one = { id: 1, hotkey: ALICE.address, uid: 3 };
  const until = (day: number, hour: number, rows: RowSpec[]): HourSpec => ({ end: at(day, `${hour}:00:00`), rows });

  async function countedRows(hours: readonly HourSpec[]): Promise<number> {
    await using dir = await temporaryDir();
    const csv: string[] = [];
    const audit: string[] = [];
    for (const spec of hours) {
      const hour = exportHour(spec);
      const name = exportPath(spec.end).replace("invocations/", "").replaceAll("/", "-");
      csv.push(await dir.write(name, hour.csv));
      audit.push(await dir.write(`${name}.json`, hour.audit));
    }
    const report = await verify({ netuid: 64, csv, audit, asOf: AS_OF, profile: "invocations-2025-10" }, verifyDeps());
    expect(checkOf(report, "V04").status).toBe("ok");
    return report.miners.find((miner) => miner.hotkey === ALICE.address)?.figures["invocation_count"] ?? 0;
  }

  test("08 §11.13: a crossing row counts once, however complete its first file is", async () => {
    const open = { ...one, startedAt: at(7, "13:59:30") };
    const done = { ...open, completedAt: at(7, "14:00:10") };
    expect(await countedRows([until(7, 14, [open]), until(7, 15, [done])])).toBe(1);
    expect(await countedRows([until(7, 14, [done]), until(7, 15, [done])])).toBe(1);
    expect(await countedRows([until(7, 14, [done])])).toBe(1);
    expect(await countedRows([until(7, 14, [open])])).toBe(0);
  });

  test("08 §11.13: a row that took two days counts only in the file of its start, once it is complete there", async () => {
    const open = { ...one, startedAt: at(5, "13:10:00") };
    const done = { ...open, completedAt: at(7, "13:30:00") };
    expect(await countedRows([until(5, 14, [open]), until(7, 14, [])])).toBe(0);
    expect(await countedRows([until(5, 14, [done]), until(7, 14, [])])).toBe(1);
    expect(await countedRows([until(5, 14, [done]), until(7, 14, [done])])).toBe(1);
  });

  test("08 §11.14: JSON metrics score like Python literals", async () => {
    await using dir = await temporaryDir();
    const text = (await readFile(CSV, "utf8")).replaceAll("'", '""').replace('{""p"": True}', '"{""p"": true}"');
    const csv = [await dir.write("08-invocations.csv", text)];
    const options = { ...(await vectorOptions(dir.path)), csv, audit: [], profile: "invocations-2025-10" as const };
    const python = await verify({ ...options, csv: [CSV] }, verifyDeps());
    const json = await verify(options, verifyDeps());
    expect(text).toContain('{""it"": 5000');
    expect(scoresOf(json)).toEqual(scoresOf(python));
    expect(json.miners.find((miner) => miner.hotkey === ALICE.address)?.figures["invocation_count"]).toBe(3);
    expect(checkOf(json, "V05").status).toBe("ok");
  });

  test("08 §11.14: broken metrics are one warning, and the row counts by its duration", async () => {
    await using dir = await temporaryDir();
    const text = (await readFile(CSV, "utf8")).replace("'nc': 12.5", "'nc': twelve");
    const csv = [await dir.write("08-invocations.csv", text)];
    const options = { ...(await vectorOptions(dir.path)), csv, audit: [], profile: "invocations-2025-10" as const };
    const report = await verify(options, verifyDeps());
    expect(checkOf(report, "V05").counts["warning"]).toBe(1);
    expect(messages(report, "V05")).toContain("1 row with metrics that do not parse");
    // 68 units with nc 12.5 × 4 in it; the row took 10 s.
    expect(report.miners.find((miner) => miner.hotkey === ALICE.address)?.figures["compute_units"]).toBe(68 - 50 + 40);
    expect(exitCodeOf(report)).toBe(0);
    expect(exitCodeOf(report, { strict: true })).toBe(3);
  });
});

const served = (hour: number) => `/invocations/exports/2026/01/07/${hour}.csv`;
const csvOf = (world: World, index: number) => present(world.hours[index]).csv;

/** Cuts the first transfer of the first hour when its beginning is on the client's disk. */
function cutOnce(world: World, bytes: number) {
  const sha256 = sha256Hex(csvOf(world, 0));
  const part = join(world.options.dir, "csv", `${sha256}.csv.part`);
  const arrived = () => vi.waitFor(async () => expect((await stat(part)).size).toBe(bytes));
  return { bytes, times: 1, arrived };
}

describe("08 §11.15–§11.23: an API", () => {
  test("an honest young validator verifies without findings, offline", async () => {
    const report = await verifyAt(await offlineWorld());
    expect(report.checks.flatMap((one) => one.details.map((detail) => detail.message))).toEqual([
      "the published history begins at 2026-01-07T12:00:00.000Z, inside the window of 7 days",
    ]);
    expect(exitCodeOf(report)).toBe(0);
    expect(checkOf(report, "V08").counts["ok"]).toBe(3);
    expect(report.totals).toMatchObject({ files: 9, rows: 36, bad_rows: 0, instances: 2 });
  });

  test("08 §11.15: a flipped byte of a CSV is a violation that names the file and both hashes", async () => {
    const world = await offlineWorld();
    const bad = flipped(csvOf(world, 1), 700);
    world.server.bodies.set(served(14), bad);
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(3);
    expect(report.verdict).toBe("violation");
    expect(messages(report, "V04")).toMatch(
      /2026\/01\/07\/14\.csv: SHA-256 is [0-9a-f]{64}, the report says [0-9a-f]{64}/,
    );
    const kept = (await readdir(join(world.options.dir, "csv"))).filter((name) => name.endsWith(".bad"));
    expect(kept).toHaveLength(1);
    expect(await readFile(join(world.options.dir, "csv", present(kept[0])))).toEqual(bad);
  });

  test("08 §11.15: a flipped byte and a removed row of local copies are each named", async () => {
    await using dir = await temporaryDir();
    const hour = hourOfWorld(14);
    const audit = [await dir.write("900.json", hour.audit)];
    const lines = hour.csv.toString().split("\r\n");
    const short = Buffer.from([...lines.slice(0, 5), ...lines.slice(6)].join("\r\n"));
    const run = async (csv: Buffer) =>
      verify({ netuid: 64, csv: [await dir.write("14.csv", csv)], audit, asOf: hour.end }, verifyDeps());
    const good = await run(hour.csv);
    expect(messages(good, "V04")).toBe("");
    const flippedReport = await run(flipped(hour.csv, 700));
    expect(messages(flippedReport, "V04")).toMatch(/^14\.csv: SHA-256 is [0-9a-f]{64}, the report says [0-9a-f]{64}$/);
    const shortReport = await run(short);
    expect(messages(shortReport, "V05")).toBe("14.csv: has 11 rows, the report says 12");
    expect([flippedReport, shortReport].map((report) => exitCodeOf(report))).toEqual([3, 3]);
  });

  test("08 §11.16: a missing hour is incomplete, and V01 lists it", async () => {
    const world = await offlineWorld([13, 15].map((hour) => hourOfWorld(hour)));
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(4);
    expect(messages(report, "V01")).toContain("hour until 2026-01-07T14:00:00.000Z: has no report");
    expect(report.window.missing).toEqual(["2026-01-07T14:00:00.000Z"]);
  });

  test("08 §11.19: a download that breaks off is continued with one range request", async () => {
    const world = await offlineWorld();
    const size = csvOf(world, 0).length;
    world.server.faults.set(served(13), { cutAfter: cutOnce(world, Math.floor(size / 2)) });
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(0);
    const requests = world.server.seen.filter((request) => request.path === served(13));
    expect(requests.map(({ range, status }) => [range, status])).toEqual([
      [undefined, 200],
      [`bytes=${Math.floor(size / 2)}-`, 206],
    ]);
    expect(requests[1]?.ifRange).toMatch(/^"[0-9a-f]{64}"$/);
  });

  test("08 §11.19: a server that ignores ranges restarts the file cleanly", async () => {
    const world = await offlineWorld();
    const half = Math.floor(csvOf(world, 0).length / 2);
    world.server.faults.set(served(13), { cutAfter: cutOnce(world, half), ignoresRanges: true });
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(0);
    const requests = world.server.seen.filter((request) => request.path === served(13));
    expect(requests.map(({ range, status }) => [range, status])).toEqual([
      [undefined, 200],
      [`bytes=${half}-`, 200],
    ]);
  });

  test("08 §11.19: a lie about a range costs one full download, and then the file is good", async () => {
    const world = await offlineWorld();
    const half = Math.floor(csvOf(world, 0).length / 2);
    world.server.faults.set(served(13), { cutAfter: cutOnce(world, half), liesAboutRanges: true });
    const report = await verifyAt(world);
    expect(exitCodeOf(report)).toBe(0);
    const requests = world.server.seen.filter((request) => request.path === served(13));
    expect(requests.map(({ range, status }) => [range, status])).toEqual([
      [undefined, 200],
      [`bytes=${half}-`, 206],
      [undefined, 200],
    ]);
  });

  test("08 §11.19: what stays wrong after the full download is a V04 violation", async () => {
    const world = await offlineWorld();
    const good = csvOf(world, 0);
    const half = Math.floor(good.length / 2);
    world.server.bodies.set(served(13), flipped(good, good.length - 5));
    world.server.faults.set(served(13), { cutAfter: cutOnce(world, half), liesAboutRanges: true });
    const report = await verifyAt(world);
    expect(messages(report, "V04")).toContain("2026/01/07/13.csv: SHA-256 is");
    expect(exitCodeOf(report)).toBe(3);
    expect(world.server.seen.filter((request) => request.path === served(13))).toHaveLength(3);
  });

  test.for(["../../etc/passwd", "/abs/14.csv", "invocations/../../14.csv", "invocations/2026/01/07/14.csv/../x"])(
    "08 §11.22: the remote path %s is refused and reported, nothing leaves the directory",
    async (path) => {
      const hours = [13, 14, 15].map((hour) => hourOfWorld(hour, hour === 14 ? { paths: { invocations: path } } : {}));
      const world = await offlineWorld(hours);
      const before = await readdir(dirname(world.options.dir));
      const report = await verifyAt(world);
      expect(exitCodeOf(report)).toBe(3);
      expect(messages(report, "V04")).toContain(`the path ${JSON.stringify(path)} is refused`);
      expect(world.server.seen.some((request) => /passwd|abs|\.\./.test(request.path))).toBe(false);
      const others = (await readdir(dirname(world.options.dir))).filter((name) => !before.includes(name));
      expect(others.filter((name) => !name.startsWith("verify-test-") && /passwd|14|x$/.test(name))).toEqual([]);
      const stored = await readdir(world.options.dir, { recursive: true });
      expect(stored.filter((name) => /\.csv$/.test(name)).every((name) => /^csv\/[0-9a-f]{64}\.csv$/.test(name))).toBe(
        true,
      );
    },
  );

  test("08 §11.23: a second run without news downloads no body", async () => {
    const world = await offlineWorld();
    const first = await verifyAt(world);
    world.server.seen.length = 0;
    const startedMs = performance.now();
    const second = await verifyAt(world);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    const asked = world.server.seen.map(({ path, status, bytes }) => ({ path, status, bytes }));
    expect(asked.sort((left, right) => (left.path < right.path ? -1 : 1))).toEqual(
      ["/audit/", "/chutes/gpu_count_history", "/miner/metagraph"].map((path) => ({ path, status: 304, bytes: 0 })),
    );
    expect(second.checks).toEqual(first.checks);
    expect(second.totals.rows).toBe(first.totals.rows);
  });
});

describe("08 §11.15–§11.17: with a chain", () => {
  const rules = { rateLimitBlocks: 0 };

  async function committedWorld(
    tools: Parameters<typeof startLocalChain>[0],
    change: (hour: ExportedHour) => ExportedHour = (hour) => hour,
  ) {
    const net = await startLocalChain(tools, { startAt: hourEnd(13), rules });
    onTestFinished(() => net.close());
    await net.chain.register([
      { hotkey: VALIDATOR.hotkey, coldkey: VALIDATOR.coldkey, validatorPermit: true },
      ...MINERS.map(({ hotkey, coldkey }) => ({ hotkey, coldkey })),
    ]);
    const signer = keypairFromSeed(ALICE.seed);
    const hours: (ExportedHour & { block: number })[] = [];
    for (const hour of [13, 14, 15].map((end) => hourOfWorld(end))) {
      net.passMs(hour.end.getTime() + 120_000 - (await net.client.head()).time.getTime());
      const { block } = await net.client.setCommitment(signer, { netuid: 64, sha256Hex: hour.sha256 });
      hours.push({ ...change(hour), block });
    }
    const world = await openWorld(hours);
    const setShares = async (shares: Readonly<Record<string, number>>) => {
      const weights = MINERS.map(({ uid, hotkey }) => ({ uid, value: Math.round((shares[hotkey] ?? 0) * 65_535) }));
      await net.client.setWeights(signer, {
        netuid: 64,
        weights: weights.filter(({ value }) => value > 0),
        versionKey: 0n,
      });
    };
    return { world, net, setShares };
  }

  test("08 §11.15: commitments, files, scores and weights of an honest validator agree", async ({ db, log }) => {
    const { world, net, setShares } = await committedWorld({ db, log });
    net.passMs(5 * 60_000);
    await setShares(unitsUntil((await net.client.head()).time));
    const report = await verifyAt(world, { chain: net.client });
    expect(report.verdict).toBe("warning");
    expect(checkOf(report, "V03").counts).toEqual({ ok: 3 });
    expect(checkOf(report, "V09").counts).toEqual({ ok: 2 });
    expect(report.subject).toMatchObject({ hotkey: VALIDATOR.hotkey, uid: 0 });
    expect(report.as_of.method).toBe("last_update");
    expect(exitCodeOf(report)).toBe(0);
  });

  test("08 §11.15: a flipped byte in a report contradicts its commitment", async ({ db, log }) => {
    const { world, net, setShares } = await committedWorld({ db, log }, (hour) =>
      hour.end.getUTCHours() === 14
        ? { ...hour, audit: flipped(hour.audit, hour.audit.indexOf('"region"') + 11) }
        : hour,
    );
    await setShares(unitsUntil((await net.client.head()).time));
    const report = await verifyAt(world, { chain: net.client });
    expect(exitCodeOf(report)).toBe(3);
    expect(report.verdict).toBe("violation");
    expect(messages(report, "V03")).toMatch(
      /report of block \d+: SHA-256 is [0-9a-f]{64}, committed in block \d+ is [0-9a-f]{64}/,
    );
  });

  test("08 §11.15: a report that was never committed is a violation, not a pass", async ({ db, log }) => {
    const { world, net } = await committedWorld({ db, log });
    const [first, ...rest] = world.hours;
    const moved = { ...present(first), block: present(first).block - 1 };
    publish(world.server, [moved, ...rest], {
      hotkey: VALIDATOR.hotkey,
      metagraph: [VALIDATOR, ...MINERS].map(metagraphRow),
    });
    const report = await verifyAt(world, { chain: net.client });
    expect(messages(report, "V03")).toContain("not committed");
    expect(exitCodeOf(report)).toBe(3);
  });

  test("08 §11.16: commitments that no node keeps any more are unverifiable, not good", async ({ db, log }) => {
    const { world, net, setShares } = await committedWorld({ db, log });
    await setShares(unitsUntil((await net.client.head()).time));
    const forgetful: ChainReader = { ...net.client, commitmentAt: async () => ({ kind: "unreadable" }) };
    const report = await verifyAt(world, { chain: forgetful });
    expect(checkOf(report, "V03").status).toBe("unverifiable");
    expect(exitCodeOf(report)).toBe(4);
  });

  const WORKED = { 0: 66, 3: 56262, 5: 65535, 9: 6937 };
  const SUM_SCALED = { 0: 33, 3: 28626, 5: 33344, 9: 3529 };

  test.for([
    { what: "the max-scaled row of the vectors", row: WORKED, exit: 0 },
    { what: "the sum-scaled row of the vectors", row: SUM_SCALED, exit: 0 },
    { what: "uid 9 doubled", row: { ...WORKED, 9: 2 * 6937 }, exit: 3 },
    { what: "uid 9, expected 0.05, at zero", row: { 0: 66, 3: 56262, 5: 65535 }, exit: 3 },
    { what: "a stranger with a tenth", row: { ...WORKED, 7: 6937 }, exit: 3 },
  ])("08 §11.17: $what exits $exit", async ({ row, exit }, { db, log }) => {
    await using dir = await temporaryDir();
    const net = await startLocalChain({ db, log }, { startAt: new Date(AS_OF.getTime() - 60_000), rules });
    onTestFinished(() => net.close());
    const signer = keypairFromSeed(VALIDATOR_SEED);
    const keys = new Map(
      expected.metagraph.map(({ uid, hotkey, coldkey }) => [uid, { hotkey, coldkey: addressOf(coldkey) }]),
    );
    keys.set(1, { hotkey: signer.address, coldkey: addressOf("validator") });
    const neurons = Array.from(
      { length: 13 },
      (_, uid) => keys.get(uid) ?? { hotkey: addressOf(`filler ${uid}`), coldkey: addressOf("filler") },
    );
    await net.chain.register(
      neurons.map((neuron) => ({ ...neuron, validatorPermit: neuron.hotkey === signer.address })),
    );
    net.passMs(60_000);
    const weights = Object.entries(row).map(([uid, value]) => ({ uid: Number(uid), value }));
    await net.client.setWeights(signer, { netuid: 64, weights, versionKey: 0n });
    const options = { ...(await vectorOptions(dir.path)), hotkey: signer.address };
    const report = await verify(options, verifyDeps({ chain: net.client }));
    expect(exitCodeOf(report)).toBe(exit);
    expect(checkOf(report, "V09").status).toBe(exit === 0 ? "ok" : "fail");
    if (exit !== 0) expect(messages(report, "V09")).toContain("expected");
  });
});

const VALIDATOR_SEED = "11".repeat(32);
