import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { sql } from "kysely";
import { expect } from "vitest";
import { createHttpServer } from "../../src/infra/http-server/server.js";
import { CloseStack } from "../../src/kernel/lifecycle.js";
import { createLogger } from "../../src/kernel/logger.js";
import { auditRoutes } from "../../src/services/api/routes/audit-routes.js";
import { exportRoutes } from "../../src/services/api/routes/export-routes.js";
import { parsePythonLiteral } from "../../src/wire/python.js";
import { BOB } from "../fakes/chain-accounts.js";
import { exportTest, givenInvocations, HOTKEY, type InvocationSeed } from "../support/exports.js";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

/** `test` with the public routes on a real socket; paths are sent as they are written. */
const test = exportTest.extend<{ get: (path: string, ask?: Ask) => Promise<Answer> }>({
  get: async ({ platform }, use) => {
    const stack = new CloseStack();
    const log = createLogger({ level: "fatal", secrets: [] });
    const app = createHttpServer({ log, maxBodyBytes: 1024, trustedProxies: "" });
    stack.add(() => app.close());
    const deps = { db: platform.db, store: platform.store, now: () => platform.now };
    await app.register(exportRoutes, deps);
    await app.register(auditRoutes, deps);
    await app.listen({ host: "127.0.0.1", port: 0 });
    const address = app.server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await use((path, { method = "GET", headers = {} } = {}) => {
      return new Promise((resolve, reject) => {
        const sent = httpRequest({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const { statusCode = 0 } = response;
            resolve({
              status: statusCode,
              headers: response.headers as Answer["headers"],
              body: Buffer.concat(chunks),
            });
          });
        });
        sent.on("error", reject);
        sent.end();
      });
    });
    await stack.close();
  },
});

const HOUR = "/invocations/exports/2026/01/07/14.csv";
const json = ({ body }: Answer): unknown => JSON.parse(body.toString());
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

const CALL: InvocationSeed = {
  startedAt: "2026-01-07 13:30:00.123456",
  completedAt: "2026-01-07 13:30:02",
  metrics: { it: 5, ttft: null, p: true, tps: 12.5 },
};

test("08 §11.5: an hour is served whole, by HEAD and by range, under every spelling of its path", async ({
  platform,
  get,
}) => {
  await givenInvocations(platform.db, [CALL]);
  await platform.run();
  const plain = await get("/invocations/exports/2026/1/7/14.csv");
  const hash = sha256(plain.body);
  expect(plain.status).toBe(200);
  expect(plain.headers).toMatchObject({
    "content-type": "text/csv",
    "content-disposition": 'attachment; filename="2026-01-07-14.csv"',
    "content-length": String(plain.body.length),
    "cache-control": "public, max-age=31536000, immutable",
    "accept-ranges": "bytes",
    etag: `"${hash}"`,
    "x-chutes-sha256": hash,
    "x-chutes-rows": "1",
    "x-chutes-window": "2026-01-07T13:00:00.000000/2026-01-07T14:00:00.000000",
  });
  expect((await get(`/${HOUR}`)).body).toEqual(plain.body);
  expect((await get(`//${HOUR}`)).body).toEqual(plain.body);
  const part = await get(HOUR, { headers: { range: "bytes=100-199" } });
  expect([part.status, part.headers["content-range"]]).toEqual([206, `bytes 100-199/${plain.body.length}`]);
  expect(part.body).toEqual(plain.body.subarray(100, 200));
  const head = await get(HOUR, { method: "HEAD" });
  expect([head.status, head.headers["content-length"], head.headers["etag"], head.body.length]).toEqual([
    200,
    String(plain.body.length),
    `"${hash}"`,
    0,
  ]);
  const reports = await get("/invocations/exports/2026/01/07/14-reports.csv");
  expect(reports.headers["content-disposition"]).toBe('attachment; filename="2026-01-07-14-reports.csv"');
});

test("08 §11.5: what is no export is refused in the wire's words", async ({ platform, get }) => {
  await givenInvocations(platform.db, [CALL]);
  await platform.run();
  const missing = (hour: number) => `Invocations export not found year=2026 month=1 day=7 hour=${hour}`;
  const refusals: [string, number, string][] = [
    ["14.txt", 400, "Invalid format: 14.txt"],
    ["14-users.csv", 400, "Invalid format: 14-users.csv"],
    ["..%2f14.csv", 400, "Invalid format: ../14.csv"],
    ["13.csv", 404, missing(13)],
    ["15.csv", 404, missing(15)],
    ["16.csv", 404, missing(16)],
    ["24.csv", 404, missing(24)],
  ];
  for (const [file, status, detail] of refusals) {
    const answer = await get(`/invocations/exports/2026/01/07/${file}`);
    expect.soft([answer.status, json(answer)], file).toEqual([status, { detail }]);
  }
});

test("04 §12.5: dates that cannot be are not found, parts that are no numbers are not processed", async ({ get }) => {
  const dates: [string, number][] = [
    ["2026/02/30/01.csv", 404],
    ["2026/13/01/01.csv", 404],
    ["2026/00/10/01.csv", 404],
    ["2999/01/01/01.csv", 404],
    ["2024/12/13/23.csv", 404],
    ["99/01/01/01.csv", 404],
    ["2026/1e1/07/01.csv", 422],
    ["2026/01/x/01.csv", 422],
    ["2026/01/-7/01.csv", 422],
  ];
  for (const [path, status] of dates) {
    expect.soft((await get(`/invocations/exports/${path}`)).status, path).toBe(status);
  }
});

test("08 §3: conditions and odd ranges", async ({ platform, get }) => {
  await givenInvocations(platform.db, [CALL]);
  await platform.run();
  const { body, headers } = await get(HOUR);
  const etag = headers["etag"] ?? "";
  const ask = (wanted: Record<string, string>) => get(HOUR, { headers: wanted });
  expect(await ask({ "if-none-match": etag })).toMatchObject({ status: 304, body: Buffer.alloc(0) });
  expect((await ask({ "if-none-match": `"x", W/${etag}` })).status).toBe(304);
  expect((await ask({ "if-none-match": "*" })).status).toBe(304);
  expect((await ask({ "if-none-match": '"x"' })).status).toBe(200);
  expect((await ask({ range: "bytes=10-", "if-range": etag })).body).toEqual(body.subarray(10));
  expect((await ask({ range: "bytes=10-", "if-range": '"x"' })).body).toEqual(body);
  expect((await ask({ range: "bytes=-5" })).body).toEqual(body.subarray(-5));
  expect((await ask({ range: "bytes=0-999999" })).headers["content-range"]).toBe(
    `bytes 0-${body.length - 1}/${body.length}`,
  );
  for (const range of ["bytes=5-2", "bytes=1-2,4-5", "lines=1-2", "bytes=-", "x"]) {
    expect((await ask({ range })).status, range).toBe(200);
  }
  for (const range of [`bytes=${body.length}-`, "bytes=-0"]) {
    const refused = await ask({ range });
    expect([refused.status, refused.headers["content-range"]], range).toEqual([416, `bytes */${body.length}`]);
    expect(json(refused)).toEqual({ detail: "Requested range not satisfiable" });
  }
});

test("04 §19.21: the row is in the file of the hour at which its window ends, whose hash is in the audit entry", async ({
  platform,
  get,
}) => {
  platform.now = new Date("2025-10-01T13:01:30Z");
  const call = { ...CALL, startedAt: "2025-10-01 12:00:00.123456", completedAt: "2025-10-01 12:00:01" };
  await givenInvocations(platform.db, [{ ...call, multiplier: 1.79 / 4.5 }]);
  await platform.run();
  const csv = await get("/invocations/exports/2025/10/01/13.csv");
  const [, line = ""] = csv.body.toString().split("\r\n");
  expect(line).toContain(",2025-10-01 12:00:00.123456,2025-10-01 12:00:01,,0.3977777777777778,0,");
  expect(parsePythonLiteral(/"(.*)"$/.exec(line)?.[1] ?? "")).toEqual(call.metrics);
  const [entry] = json(await get("/audit/")) as { path: string }[];
  const report = json(await get(`/audit/download?path=${entry?.path}`)) as {
    csv_exports: { invocations: { sha256: string } };
  };
  expect(sha256(csv.body)).toBe(report.csv_exports.invocations.sha256);
  expect((await get("/invocations/exports/2025/2/31/1.csv")).status).toBe(404);
  expect((await get("/invocations/exports/2025/10/01/13.txt")).status).toBe(400);
});

test("08 §11.6: recent has its default, its cap and its filters", async ({ platform, get }) => {
  const recent = async (query = "") => {
    const answer = await get(`/invocations/exports/recent${query}`);
    return answer.body.toString().split("\r\n").slice(1, -1);
  };
  const finished = Array.from({ length: 105 }, (_, index) => ({
    id: `call-${String(index).padStart(3, "0")}`,
    startedAt: `2026-01-07 13:00:00.${String(index).padStart(6, "0")}`,
    completedAt: "2026-01-07 13:30:02",
    hotkey: index < 3 ? HOTKEY : BOB.address,
  }));
  await givenInvocations(platform.db, [
    ...finished,
    { id: "open", startedAt: "2026-01-07 13:50:00" },
    { id: "failed", startedAt: "2026-01-07 13:51:00", completedAt: "2026-01-07 13:51:01", error: "x" },
    { id: "old", startedAt: "2026-01-06 13:00:00", completedAt: "2026-01-06 13:00:01" },
  ]);
  for (const query of ["", "?limit=", "?limit=0", "?limit=-5"]) expect(await recent(query), query).toHaveLength(100);
  expect(await recent("?limit=20000")).toHaveLength(105);
  expect((await recent("?limit=2")).map((line) => line.split(",")[0])).toEqual(["call-104", "call-103"]);
  expect((await recent("?limit=3&all=true")).map((line) => line.split(",")[0])).toEqual(["failed", "open", "call-104"]);
  expect(await recent(`?hotkey=${HOTKEY}`)).toHaveLength(3);
  for (const query of ["?limit=abc", "?limit=1.5", "?limit=1e3", "?hotkey=5nonsense", "?all=maybe"]) {
    expect((await get(`/invocations/exports/recent${query}`)).status, query).toBe(400);
  }
  const head = await get("//invocations/exports/recent?limit=1", { method: "HEAD" });
  expect(head.headers).toMatchObject({
    "content-type": "text/csv",
    "content-disposition": 'attachment; filename="recent.csv"',
  });
  expect(Number(head.headers["content-length"])).toBe((await get("/invocations/exports/recent?limit=1")).body.length);
});

test("08 §11.6: limit=20000 gives at most 10000 rows", async ({ platform, get }) => {
  await givenInvocations(platform.db, [CALL]);
  await sql`insert into partitioned_invocations
    select 'bulk-' || n, 'parent', chute_id, chute_user_id, function_name, user_id, image_id, image_user_id, instance_id, miner_uid,
      miner_hotkey, started_at + n * interval '1 microsecond', completed_at, null, compute_multiplier, bounty, metrics
    from partitioned_invocations, generate_series(1, 10050) n`.execute(platform.db);
  const { body } = await get("/invocations/exports/recent?limit=20000");
  expect(body.toString().split("\r\n")).toHaveLength(1 + 10_000 + 1);
});

test("08 §3.2: recent keeps an answer for a minute", async ({ platform, get }) => {
  const path = "/invocations/exports/recent?limit=5";
  await givenInvocations(platform.db, [CALL]);
  const before = await get(path);
  await givenInvocations(platform.db, [{ ...CALL, id: "second" }]);
  expect((await get(path)).body).toEqual(before.body);
  platform.now = new Date(platform.now.getTime() + 61_000);
  const after = await get(path);
  expect(after.body.toString()).toContain("second");
  expect((await get(path, { headers: { "if-none-match": after.headers["etag"] ?? "" } })).status).toBe(304);
});

test("08 §11.7: the index has seven fields; only what it lists can be downloaded", async ({ platform, get }) => {
  await givenInvocations(platform.db, [CALL]);
  await platform.run();
  const index = await get("//audit/");
  expect(index.headers["content-type"]).toContain("application/json");
  const entries = json(index) as Record<string, unknown>[];
  expect(entries).toEqual([
    {
      entry_id: expect.any(String) as unknown,
      hotkey: HOTKEY,
      block: expect.any(Number) as unknown,
      path: `audit/validator/${HOTKEY}/${String(entries[0]?.["block"])}.json`,
      created_at: "2026-01-07T14:02:00.000000",
      start_time: "2026-01-07T13:00:00.000000",
      end_time: "2026-01-07T14:00:00.000000",
    },
  ]);
  const path = String(entries[0]?.["path"]);
  const report = await get(`/audit/download?path=${path}`);
  expect([report.status, report.headers["content-type"]]).toEqual([200, "application/json"]);
  expect((await get("/audit/download?path=invocations/2026/01/07/14.csv")).headers["content-type"]).toBe("text/csv");
  await platform.store.put("audit/secret.json", Buffer.from("{}"), { contentType: "application/json" });
  for (const unlisted of ["audit/secret.json", "../etc/passwd", "", path.replace("audit", "/audit")]) {
    const answer = await get(`/audit/download?path=${encodeURIComponent(unlisted)}`);
    expect([answer.status, json(answer)]).toEqual([404, { detail: `No audit entry matches path='${unlisted}'` }]);
  }
  expect((await get("/audit/download")).status).toBe(422);
});

test("08 §3.3: the index covers a week and an hour, and filters", async ({ platform, get }) => {
  await givenInvocations(platform.db, [CALL]);
  await platform.run();
  const count = async (query: string) => (json(await get(`/audit/${query}`)) as unknown[]).length;
  expect(await count(`?hotkey=${HOTKEY}&role=validator`)).toBe(1);
  expect(await count(`?hotkey=${BOB.address}`)).toBe(0);
  expect(await count("?role=miner")).toBe(0);
  expect(await count("?since=2026-01-07T13:00:00")).toBe(1);
  expect(await count("?since=2026-01-07T15:00:00%2B01:30")).toBe(0);
  expect(await count("?since=2026-01-07T15:00:00%2B02:00")).toBe(1);
  expect((await get("/audit/?since=yesterday")).status).toBe(400);
  expect((await get("/audit/?role=owner")).status).toBe(422);
  expect((await get("/audit/?limit=0")).status).toBe(422);
  platform.now = new Date("2026-01-14T14:00:00.001Z");
  expect(await count("")).toBe(0);
});

test("08 §3.9: the manifest names every listed file with its hash and its entry", async ({ platform, get }) => {
  await givenInvocations(platform.db, [CALL]);
  await platform.run();
  const lines = (await get("/invocations/exports/manifest")).body.toString().trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map((row) => [row["path"], row["kind"], row["rows"]])).toEqual([
    ["invocations/2026/01/07/14.csv", "invocations", 1],
    ["invocations/2026/01/07/14-jobs.csv", "jobs", 0],
    ["invocations/2026/01/07/14-reports.csv", "reports", 0],
  ]);
  const csv = await get(HOUR);
  const [entry] = json(await get("/audit/")) as { entry_id: string; block: number }[];
  expect(rows[0]).toEqual({
    path: "invocations/2026/01/07/14.csv",
    kind: "invocations",
    start: "2026-01-07T13:00:00.000000",
    end: "2026-01-07T14:00:00.000000",
    bytes: csv.body.length,
    rows: 1,
    sha256: sha256(csv.body),
    block: entry?.block,
    entry_id: entry?.entry_id,
    final: true,
  });
  expect((await get("/invocations/exports/manifest?from=2026-01-07T14:00:00Z")).body).toHaveLength(0);
  expect((await get("/invocations/exports/manifest?to=x")).status).toBe(400);
});

test("an object that is not the one that was hashed is not served", async ({ platform, get }) => {
  await givenInvocations(platform.db, [CALL]);
  await platform.run();
  const key = "invocations/2026/01/07/14.csv";
  await platform.store.put(key, Buffer.from("other"), { contentType: "text/csv" });
  const answer = await get(HOUR);
  expect([answer.status, answer.headers["retry-after"], answer.headers["cache-control"]]).toEqual([
    503,
    "5",
    undefined,
  ]);
  await platform.store.delete(key);
  expect((await get(HOUR)).status).toBe(404);
});
