import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import { dropBounty } from "../../../domain/bounties/bounty-store.js";
import { changeChute, deleteChute } from "../../../domain/chutes/chute-change.js";
import type { ChuteChanges } from "../../../domain/chutes/chute-change-repository.js";
import { markDisabled } from "../../../domain/chutes/chute-change-store.js";
import { forgetChute } from "../../../domain/chutes/chute-store.js";
import { checkedBody } from "../checked-body.js";
import { nullable } from "../nullable.js";
import { accountOf } from "../principal.js";
import { restOfPath } from "../rest-of-path.js";
import { afterCommit, type ChangeChuteDeps, deployDeps, ownChuteId } from "./chute-change-deps.js";
import { ChuteObject } from "./chute-objects-schema.js";
import { shownChute } from "./chute-read.js";

/** Null is "not given", except for what may be empty. */
const ChangeBody = Type.Object({
  tagline: nullable(Type.String({ maxLength: 1024 })),
  readme: nullable(Type.String({ maxLength: 16_384 })),
  tool_description: nullable(Type.String({ maxLength: 16_384 })),
  logo_id: nullable(Type.String()),
  max_instances: nullable(Type.Integer({ minimum: 1, maximum: 100 })),
  scaling_threshold: nullable(Type.Number({ minimum: 0, maximum: 1 })),
  shutdown_after_seconds: nullable(Type.Integer({ minimum: 60, maximum: 604_800 })),
  disabled: nullable(Type.Boolean()),
});

const Deleted = Type.Object({ chute_id: Type.String(), deleted: Type.Literal(true) });

/** Changing and deleting one's own chutes. @see protocol 03 §10.1, §10.2 */
export const chuteChangeRoutes: FastifyPluginAsyncTypebox<ChangeChuteDeps> = async (app, deps) => {
  const { db, redis, directory } = deps;

  const change = {
    config: { auth: { scopeParam: "*" } },
    schema: { body: ChangeBody, response: { 200: ChuteObject } },
  };
  app.put("/chutes/*", change, async (request) => {
    const account = accountOf(request);
    const chuteId = await ownChuteId(db, account.userId, restOfPath(request));
    const changes = toChanges(checkedBody(request, ChangeBody));
    const { isPrivate } = await changeChute(deployDeps(deps), { account, chuteId }, changes);
    directory.drop({ kind: "chute", id: chuteId });
    if (changes.disabled !== undefined)
      await afterCommit(deps, chuteId, markDisabled(redis, chuteId, changes.disabled));
    if (changes.disabled === true && isPrivate) await afterCommit(deps, chuteId, dropBounty(redis, chuteId));
    return shownChute(deps, chuteId);
  });

  const remove = { config: { auth: { purpose: "chutes", scopeParam: "*" } }, schema: { response: { 200: Deleted } } };
  app.delete("/chutes/*", remove, async (request) => {
    const account = accountOf(request);
    const chuteId = await ownChuteId(db, account.userId, restOfPath(request));
    await deleteChute(deployDeps(deps), { account, chuteId });
    directory.drop({ kind: "chute", id: chuteId });
    await afterCommit(deps, chuteId, Promise.all([dropBounty(redis, chuteId), forgetChute(redis, chuteId)]));
    return { chute_id: chuteId, deleted: true as const };
  });
};

function toChanges(body: Static<typeof ChangeBody>): ChuteChanges {
  const given = Object.entries(body).filter(
    ([key, value]) => value !== undefined && (value !== null || isEmptiable(key)),
  );
  const members = given.flatMap(([key, value]) => {
    const member = MEMBERS[key];
    return member === undefined ? [] : [[member, member === "logoId" ? trimmed(value) : value] as const];
  });
  return Object.fromEntries(members);
}

const MEMBERS: Readonly<Record<string, keyof ChuteChanges>> = {
  tagline: "tagline",
  readme: "readme",
  tool_description: "toolDescription",
  logo_id: "logoId",
  max_instances: "maxInstances",
  scaling_threshold: "scalingThreshold",
  shutdown_after_seconds: "shutdownAfterSeconds",
  disabled: "disabled",
};

function isEmptiable(key: string): boolean {
  return key === "logo_id" || key === "tool_description";
}

/** A blank id is none. */
function trimmed(value: unknown): string | null {
  return typeof value === "string" ? value.trim() || null : null;
}
