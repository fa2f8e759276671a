import { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { holds, PERMISSION } from "../../../domain/accounts/account.js";
import { effectiveBalance } from "../../../domain/accounts/account-repository.js";
import type { Bounty } from "../../../domain/bounties/bounty.js";
import { bountyOf, offerBounty } from "../../../domain/bounties/bounty-store.js";
import { type Chute, isPrivate } from "../../../domain/chutes/chute.js";
import { isUpdating } from "../../../domain/chutes/chute-list-repository.js";
import { chuteById } from "../../../domain/chutes/chute-repository.js";
import { type ChuteInstance, instancesOf } from "../../../domain/chutes/chute-view-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { pause } from "../../../kernel/lifecycle.js";
import type { ApiDeps } from "../deps.js";
import { queryFlag } from "../miners/query-flag.js";
import { accountOf } from "../principal.js";
import { restOfPath } from "../rest-of-path.js";
import { chuteNotFound, visibleChuteId } from "../visible-chute.js";
import { isHot } from "./chute-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "signal">;

const POLL_MS = 5000;
const LONGEST_WAIT_MS = 600_000;

/** Asks miners for a cold chute. @see protocol 03 §16 */
export const warmupRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  app.get(
    "/chutes/warmup/*",
    {
      config: { auth: { purpose: "chutes", scopeParam: "*" } },
      schema: {
        querystring: Type.Object({ quick: Type.Optional(Type.String()) }),
      },
    },
    async (request, reply) => {
      const isQuick = queryFlag(request.query, "quick");
      const chute = await wantedChute(deps, request, restOfPath(request));
      if (isQuick) return warmthObject(chute, await askOnce(deps, chute));
      const signal = AbortSignal.any([deps.signal, closeOf(reply)]);
      const stream = Readable.from(progress(deps, chute, signal));
      return reply.header("cache-control", "no-cache").type("text/event-stream").send(stream);
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
  readonly instances: readonly ChuteInstance[];
  readonly isHot: boolean;
  readonly bounty: Bounty | undefined;
}

/** Looks once, and makes sure that a cold chute has a bounty; none is offered while its instances are being replaced. */
async function askOnce({ config, db, redis, now }: Deps, chute: Chute): Promise<Warmth> {
  const { chuteId } = chute;
  const instances = (await instancesOf(db, [chuteId])).get(chuteId) ?? [];
  if (isHot({ instances })) return { instances, isHot: true, bounty: await bountyOf(redis, chuteId, now()) };
  if (await isUpdating(db, chuteId)) return { instances, isHot: false, bounty: undefined };
  const wanted = { chuteId, isPrivate: isPrivate(chute, config.platformUsername), now: now() };
  return { instances, isHot: false, bounty: await offerBounty(redis, wanted) };
}

function warmthObject(chute: Chute, { instances, isHot: hot, bounty }: Warmth) {
  return {
    chute_id: chute.chuteId,
    status: hot ? "hot" : "cold",
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

/** One event about every five seconds until the chute is hot; no connection is held in between. */
async function* progress(deps: Deps, chute: Chute, signal: AbortSignal): AsyncGenerator<string> {
  const deadline = deps.now().getTime() + LONGEST_WAIT_MS;
  while (!signal.aborted && deps.now().getTime() < deadline) {
    const { isHot: hot, instances } = await askOnce(deps, chute);
    if (hot) {
      yield event("hot", `chute ${chute.name} has an active instance`);
      return;
    }
    yield event("cold", `chute ${chute.name} is waiting: ${instances.length} instances are starting`);
    await pause(POLL_MS, signal);
  }
}

function event(status: "cold" | "hot", log: string): string {
  return `data: ${JSON.stringify({ status, log })}\n\n`;
}

/** Aborted when the client goes away. */
function closeOf(reply: FastifyReply): AbortSignal {
  const closed = new AbortController();
  reply.raw.once("close", () => closed.abort());
  return closed.signal;
}
