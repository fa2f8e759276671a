import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { signedHeaders } from "../../../../src/wire/headers.js";
import { initCrypto, keypairFromSeed } from "../../../../src/wire/keypair.js";
import { test } from "../../../support/fixtures.js";
import { ServerProcess } from "../../../support/openapi-child.js";
import { multiply } from "../../../support/openapi-rows.js";
import { type FuzzWorld, makeFuzzWorld } from "../../../support/openapi-world.js";
import { type QueryProxy, startQueryProxy } from "../../../support/query-proxy.js";

const SEEDS = {
  validator: "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89",
  miner: "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
};
const MANY = 49;

interface Read {
  readonly path: string;
  readonly as: "dev" | "admin" | "miner" | "nobody";
}

/** Everything that a client, a miner or an auditor polls. */
function reads({ chuteId, imageId, dev, admin }: FuzzWorld): readonly Read[] {
  const by = (as: Read["as"], ...paths: readonly string[]) => paths.map((path) => ({ as, path }));
  return [
    ...by("dev", "/users/me", "/users/me/quotas", `/users/me/quota_usage/${chuteId}`, "/users/me/discounts"),
    ...by("dev", "/users/me/price_overrides", "/users/me/usage", "/users/me/usage?per_chute=true", "/users/me/shares"),
    ...by("dev", "/api_keys/?limit=100", `/api_keys/${dev.keyId}`, "/secrets/?limit=100"),
    ...by("dev", "/images/?limit=100&include_public=True", `/images/${imageId}`),
    ...by("dev", "/chutes/?limit=100&include_public=True", "/chutes/?limit=100&include_schemas=true"),
    ...by("dev", `/chutes/${chuteId}`, `/chutes/code/${chuteId}`, `/chutes/warmup/${chuteId}?quick=true`),
    ...by("admin", "/users/invoiced_user_list", `/users/${dev.userId}/quotas`, `/users/${dev.userId}/discounts`),
    ...by("admin", `/users/${dev.userId}/balance`, `/users/user_id_lookup?username=${admin.username}`),
    ...by("nobody", "/chutes/?limit=100&include_public=true", "/chutes/utilization", "/chutes/rolling_updates"),
    ...by("nobody", "/chutes/gpu_count_history", "/chutes/boosted", "/chutes/miner_means", "/bounties/", "/pricing"),
    ...by("nobody", "/nodes/?detailed=true", "/nodes/supported", "/users/growth", "/users/name_check?username=x_y_z"),
    ...by("nobody", "/invocations/usage", "/invocations/stats/llm", "/invocations/stats/diffusion"),
    ...by("nobody", "/miner/metagraph", "/miner/stats", "/audit/"),
    ...by("miner", "/miner/chutes/", "/miner/images/", "/miner/nodes/", "/miner/instances/", "/miner/jobs/"),
    ...by("miner", "/miner/metrics/", "/miner/inventory", "/miner/active_instances/", "/miner/servers/"),
  ];
}

interface Counted {
  readonly status: number;
  readonly statements: readonly string[];
}

test("a list costs as many statements with 50 rows as with one, and a warm GET /users/me none", async ({
  databaseUrl,
  db,
}) => {
  await initCrypto();
  const miner = keypairFromSeed(SEEDS.miner);
  const objects = mkdtempSync(join(tmpdir(), "statements-"));
  const proxy = await startQueryProxy(databaseUrl);
  const task = {
    databaseUrl: proxy.url,
    redisUrl: "memory:",
    objectStoreUrl: `file://${objects}`,
    validatorSeed: SEEDS.validator,
    minerHotkey: miner.address,
  };
  const [small, large] = [new ServerProcess(), new ServerProcess()];
  try {
    const member = {
      netuid: 64,
      hotkey: miner.address,
      coldkey: "c",
      checksum: "c",
      node_id: 7,
      synced_at: new Date(),
    };
    await db.insertInto("metagraph_nodes").values(member).execute();
    const url = await small.start(task);
    const world = await makeFuzzWorld({ url, db, miner });
    await db.updateTable("chutes").set({ public: true }).where("chute_id", "=", world.doomedChuteId).execute();
    const few = await countAll({ url, world, proxy });
    await small.stop();
    await multiply(db, world, MANY);
    // A process of its own: what the first one remembers must not hide what a list costs.
    const many = await countAll({ url: await large.start(task), world, proxy });
    expect(unequal(few, many), large.errors()).toEqual([]);
    expect(many.get("dev /users/me, warm")?.statements).toEqual([]);
    expect([...many].filter(([, { status }]) => status !== 200).map(([read]) => read)).toEqual([]);
  } finally {
    await small.stop();
    await large.stop();
    await proxy.close();
    rmSync(objects, { recursive: true, force: true });
  }
}, 120_000);

interface Place {
  readonly url: string;
  readonly world: FuzzWorld;
  readonly proxy: QueryProxy;
}

async function countAll(place: Place): Promise<ReadonlyMap<string, Counted>> {
  const counted = new Map<string, Counted>();
  // Callers are remembered after their first request; what is counted is the read itself.
  for (const as of ["dev", "admin"] as const) await count(place, { as, path: "/users/me" });
  await count(place, { as: "miner", path: "/miner/jobs/" });
  counted.set("dev /users/me, warm", await count(place, { as: "dev", path: "/users/me" }));
  for (const read of reads(place.world)) counted.set(`${read.as} ${read.path}`, await count(place, read));
  return counted;
}

async function count({ url, world, proxy }: Place, read: Read): Promise<Counted> {
  proxy.take();
  const answer = await fetch(url + read.path, { headers: headersFor(world, read) });
  await answer.arrayBuffer();
  return { status: answer.status, statements: proxy.take().filter((text) => !BACKGROUND.test(text)) };
}

/** What a process does on its own clock, and how a transaction is framed. */
const BACKGROUND = /last_used_at|^(begin|commit|start transaction|listen )|local_chain|chain_/i;

function headersFor({ dev, admin, miner }: FuzzWorld, { as }: Read): Record<string, string> {
  switch (as) {
    case "dev":
      return { authorization: `Bearer ${dev.adminKey}` };
    case "admin":
      return { authorization: `Bearer ${admin.adminKey}` };
    case "miner":
      return signedHeaders(miner, { purpose: "miner" }, new Date());
    case "nobody":
      return {};
  }
}

/** Reads whose cost grows, with the statements that do it. */
function unequal(few: ReadonlyMap<string, Counted>, many: ReadonlyMap<string, Counted>): unknown[] {
  return [...many].flatMap(([read, { statements }]) => {
    const before = few.get(read)?.statements ?? [];
    if (before.length === statements.length || isPaged(statements)) return [];
    return [{ read, withOne: before.length, withMany: statements.length, statements: shortened(statements) }];
  });
}

/** A stream for miners asks for page after page with one statement: never more of them than pages and an empty one. */
function isPaged(statements: readonly string[]): boolean {
  const rows = 2 * MANY + 2;
  const pageRows = 50;
  return new Set(statements).size === 1 && statements.length <= Math.ceil(rows / pageRows) + 1;
}

function shortened(statements: readonly string[]): string[] {
  return statements.slice(0, 12).map((text) => text.replaceAll(/\s+/g, " ").slice(0, 160));
}
