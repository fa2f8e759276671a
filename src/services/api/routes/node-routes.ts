import { randomBytes } from "node:crypto";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { refuseBlacklisted } from "../../../domain/metagraph/miner.js";
import { requireSkipMode } from "../../../domain/nodes/gpu-verification.js";
import { checkHost } from "../../../domain/nodes/host-rule.js";
import { inventoryByMiner } from "../../../domain/nodes/inventory.js";
import { checkGpu } from "../../../domain/nodes/node.js";
import {
  gpuCounts,
  insertVerifiedNodes,
  knownGpus,
  placedGpus,
  removeNode,
} from "../../../domain/nodes/node-repository.js";
import { resolveHost } from "../../../infra/dns/resolve-host.js";
import { AppError } from "../../../kernel/errors.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { NodeBatchBody } from "../miners/node-body.js";
import { queryFlag } from "../miners/query-flag.js";
import { nodeRecord } from "../miners/wire-rows.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now" | "gpuTable">;
type Plugin = FastifyPluginAsyncTypebox<Deps>;

const LIST_CACHE_MS = 60_000;
const MAX_LISTED_GPUS = 100_000;
const GPUS_PER_SERVER = 10;
/** Id of the task of a GPU that nobody verifies. @see protocol 05 §3.3 */
const SKIPPED = "skip";

/** GPU inventory. @see protocol 05 §3 */
export const nodeRoutes: Plugin = async (app, deps) => {
  await app.register(publicRoutes, deps);
  await app.register(ownerRoutes, deps);
};

const publicRoutes: Plugin = async (app, { db, now, gpuTable }) => {
  app.get("/nodes/supported", async () => Object.fromEntries(gpuTable));

  const lists = new ExpiringCache<object>({
    load: (detailed) => (detailed === "true" ? detailedInventory(db) : compactInventory(db)),
    now,
    limit: 2,
    ttlMs: LIST_CACHE_MS,
    negativeTtlMs: LIST_CACHE_MS,
  });
  const Query = Type.Object({ detailed: Type.Optional(Type.String()), hotkey: Type.Optional(Type.String()) });
  app.get("/nodes/", { schema: { querystring: Query } }, async (request) => {
    const detailed = queryFlag(request.query, "detailed");
    const listed = (await lists.get(String(detailed))) ?? {};
    const { hotkey } = request.query;
    if (!detailed || hotkey === undefined) return listed;
    return Object.fromEntries(Object.entries(listed).filter(([owner]) => owner === hotkey));
  });
};

const ownerRoutes: Plugin = async (app, deps) => {
  const { db, now } = deps;
  app.post("/nodes/", { config: { auth: { registered: true } } }, async (request, reply) => {
    const { miner } = request.principal;
    if (miner === undefined) throw new AppError("unauthorized", "Only registered miners have GPUs.");
    refuseBlacklisted(miner);
    const body = checkedBody(request, NodeBatchBody);
    const nodes = await addNodes(deps, miner.hotkey, body);
    return reply.code(202).send({ nodes: nodes.map(nodeRecord), task_id: `${miner.hotkey}::${SKIPPED}` });
  });

  app.get(
    "/nodes/verification_status",
    {
      config: { auth: { purpose: "graval", registered: true } },
      schema: { querystring: Type.Object({ task_id: Type.String() }) },
    },
    async (request) => {
      const { task_id } = request.query;
      if (task_id === SKIPPED) return { status: "verified" };
      const [owner, id] = task_id.split("::");
      if (owner !== request.principal.hotkey) throw new AppError("unauthorized", "This is not your verification task.");
      if (id === SKIPPED) return { status: "verified" };
      return { status: "failed", detail: "unknown or expired verification task" };
    },
  );

  app.delete(
    "/nodes/:uuid",
    {
      config: { auth: { purpose: "nodes", registered: true } },
      schema: { params: Type.Object({ uuid: Type.String() }) },
    },
    async (request) => {
      const { uuid } = request.params;
      const minerHotkey = callerOf(request);
      if (!(await removeNode(db, { uuid, minerHotkey, now: now() }))) {
        throw new AppError("not_found", `Node ${uuid} not found`);
      }
      return { node_id: uuid, deleted: true };
    },
  );
};

function callerOf(request: FastifyRequest): string {
  return request.principal.hotkey ?? "";
}

/** The checks stand in the order that miners know their answers in. @see protocol 05 §3.2 */
async function addNodes({ config, db, now, gpuTable }: Deps, minerHotkey: string, body: Static<typeof NodeBatchBody>) {
  const { nodes } = body;
  if (nodes.length > GPUS_PER_SERVER) throw new AppError("invalid", `Limit is ${GPUS_PER_SERVER} GPUs per server.`);
  const uuids = nodes.map(({ uuid }) => uuid);
  const known = await knownGpus(db, uuids);
  if (known.length > 0) throw new AppError("conflict", `GPUs already in the inventory: ${known.join(", ")}`);
  const policy = { allowPrivate: config.instances.allowPrivateHosts, resolve: resolveHost };
  for (const host of new Set(nodes.map(({ verification_host }) => verification_host))) await checkHost(host, policy);
  const gpus = nodes.map((node) => checkGpu(gpuTable, node));
  if (new Set(uuids).size !== uuids.length) throw new AppError("invalid", "Duplicate GPUs in one request.");
  requireSkipMode(config.gpuVerification);
  const serverId = body.server_id ?? body.server_name ?? nodes[0]?.verification_host ?? "";
  const seed = randomSeed();
  return insertVerifiedNodes(db, {
    minerHotkey,
    serverId,
    serverName: body.server_name ?? null,
    seed,
    gpus,
    now: now(),
  });
}

/** Uniform in 1…2^63−1: it must fit the miner's BIGINT. */
function randomSeed(): bigint {
  return randomBytes(8).readBigUInt64BE() >> 1n || 1n;
}

async function compactInventory(db: Deps["db"]): Promise<object> {
  const counts = await gpuCounts(db);
  return Object.fromEntries(counts.map(({ gpu, provisioned, idle }) => [gpu, { provisioned, idle }]));
}

async function detailedInventory(db: Deps["db"]): Promise<object> {
  return inventoryByMiner(await placedGpus(db, { limit: MAX_LISTED_GPUS }));
}
