import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { listBounties } from "../../../domain/bounties/bounty-store.js";
import type { ApiDeps } from "../deps.js";

const BountyObject = Type.Object({
  chute_id: Type.String(),
  bounty_amount: Type.Integer(),
  seconds_elapsed: Type.Integer(),
  time_remaining: Type.Integer(),
  created_at: Type.Number(),
});

/** What miners may earn by serving a cold chute. @see protocol 03 §11.5 */
export const bountyRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "redis" | "now">> = async (app, { redis, now }) => {
  app.get("/bounties/", { schema: { response: { 200: Type.Array(BountyObject) } } }, async () => {
    const bounties = await listBounties(redis, now());
    return bounties.map((bounty) => ({
      chute_id: bounty.chuteId,
      bounty_amount: bounty.amount,
      seconds_elapsed: Math.floor(bounty.ageSeconds),
      time_remaining: bounty.secondsRemaining,
      created_at: bounty.createdAt.getTime() / 1000,
    }));
  });
};
