import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { holds, PERMISSION } from "../../../domain/accounts/account.js";
import { effectiveBalance } from "../../../domain/accounts/account-repository.js";
import type { Bounty } from "../../../domain/bounties/bounty.js";
import { bountyOf, offerBounty } from "../../../domain/bounties/bounty-store.js";
import { type Chute, isPrivate } from "../../../domain/chutes/chute.js";
import { isUpdating } from "../../../domain/chutes/chute-list-repository.js";
import { chuteById } from "../../../domain/chutes/chute-repository.js";
import { type EquippedInstance, equippedInstances } from "../../../domain/chutes/chute-view-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { queryFlag } from "../miners/query-flag.js";
import { accountOf } from "../principal.js";
import { restOfPath } from "../rest-of-path.js";
import { chuteNotFound, visibleChuteId } from "../visible-chute.js";
import { isHot } from "./chute-objects.js";
import { type WarmupNews, warmupStream } from "./warmup-stream.js";
import { openChuteWatch } from "./warmup-watch.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "log" | "now"> & {
  readonly directory: Pick<Directory, "onChange">;
};

const POLL_MS = 5000;
const LONGEST_WAIT_MS = 600_000;
const MOST_LISTENERS = 5000;

const WarmthObject = Type.Object(
  {
    chute_id: Type.String(),
    status: Type.Union([Type.Literal("cold"), Type.Literal("hot")]),
    instance_count: Type.Integer(),
    bounty: Type.Union([
      Type.Object({
        amount: Type.Integer({ description: "compute units" }),
        boost: Type.Number({ description: "factor on the multiplier of whoever serves the chute" }),
        age_seconds: Type.Integer(),
        created_at: Type.Number({ description: "Unix seconds" }),
      }),
      Type.Null(),
    ]),
    instances: Type.Array(
      Type.Object({
        instance_id: Type.String(),
        active: Type.Boolean(),
        gpu_count: Type.Integer(),
        gpu_model_name: Type.Union([Type.String(), Type.Null()]),
      }),
    ),
  },
  { description: "with quick; otherwise a stream of events `data: {status, log}`" },
);

/** Asks miners for a cold chute. @see protocol 03 §16 */
export const warmupRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const look = (chuteId: string) => newsOf(deps, chuteId);
  const watch = openChuteWatch({ ...deps, look, pollMs: POLL_MS, limit: MOST_LISTENERS });
  // Before the server waits for its connections to end.
  app.addHook("preClose", () => watch.close());
  app.get(
    "/chutes/warmup/*",
    {
      config: { auth: { purpose: "chutes", scopeParam: "*" } },
      schema: {
        querystring: Type.Object({ quick: Type.Optional(Type.String()) }),
        response: { 200: WarmthObject },
      },
    },
    async (request, reply) => {
      const isQuick = queryFlag(request.query, "quick");
      const chute = await wantedChute(deps, request, restOfPath(request));
      if (isQuick) return warmthObject(chute, await askOnce(deps, chute));
      const options = { chuteId: chute.chuteId, longestMs: LONGEST_WAIT_MS };
      // Proxies would otherwise hold events back until they make a block.
      reply.header("cache-control", "no-cache").header("x-accel-buffering", "no").type("text/event-stream");
      return reply.send(warmupStream(watch, options) as never);
    },
  );
};

/** The checks stand in the order of the protocol. */
async function wantedChute(deps: Deps, request: FastifyRequest, idOrName: string): Promise<Chute> {
  const account = accountOf(request);
  const chute = await chuteById(deps.db, await visibleChuteId(deps, request, idOrName));
  if (chute === undefined) throw chuteNotFound();
  if (chute.disabled) throw new AppError("unavailable", "This chute is disabled.");
  const isFree = holds(account, PERMISSION.freeAccount);
  if (!isFree && (await effectiveBalance(deps.db, account.userId, deps.now())) <= 0n)
    throw new AppError("payment_required", `The balance is used up. Send TAO to ${account.paymentAddress}.`);
  return chute;
}

interface Warmth {
  readonly instances: readonly EquippedInstance[];
  readonly isHot: boolean;
  readonly bounty: Bounty | undefined;
}

/** Looks once, and makes sure that a cold chute has a bounty; none is offered while its instances are being replaced. */
async function askOnce({ config, db, redis, now }: Deps, chute: Chute): Promise<Warmth> {
  const { chuteId } = chute;
  const instances = await equippedInstances(db, chuteId);
  if (isHot(instances)) return { instances, isHot: true, bounty: await bountyOf(redis, chuteId, now()) };
  if (await isUpdating(db, chuteId)) return { instances, isHot: false, bounty: undefined };
  const hasPrivateBilling = isPrivate(chute, config.platformUsername);
  const wanted = { chuteId, isPrivate: hasPrivateBilling, rules: config.bounties, now: now() };
  return { instances, isHot: false, bounty: await offerBounty(redis, wanted) };
}

/** One look for all who wait for a chute; no connection is held in between. */
async function newsOf(deps: Deps, chuteId: string): Promise<WarmupNews> {
  const chute = await chuteById(deps.db, chuteId);
  if (chute === undefined) return { status: "cold", log: "the chute was deleted", isLast: true };
  if (chute.disabled) return { status: "cold", log: `chute ${chute.name} is disabled`, isLast: true };
  const { isHot: hot, instances } = await askOnce(deps, chute);
  if (hot) return { status: "hot", log: `chute ${chute.name} has an active instance`, isLast: true };
  const log = `chute ${chute.name} is waiting: ${instances.length} instances are starting`;
  return { status: "cold", log, isLast: false };
}

function warmthObject(chute: Chute, { instances, isHot: hot, bounty }: Warmth) {
  return {
    chute_id: chute.chuteId,
    status: hot ? ("hot" as const) : ("cold" as const),
    instance_count: instances.length,
    bounty: bounty === undefined ? null : bountyObject(bounty),
    instances: instances.map((instance) => ({
      instance_id: instance.instanceId,
      active: instance.active,
      gpu_count: instance.gpuCount,
      gpu_model_name: instance.gpuModelName,
    })),
  };
}

function bountyObject({ amount, boost, ageSeconds, createdAt }: Bounty) {
  return { amount, boost, age_seconds: Math.floor(ageSeconds), created_at: createdAt.getTime() / 1000 };
}
