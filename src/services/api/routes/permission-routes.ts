import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { PERMISSION, PERMISSION_NAMES } from "../../../domain/accounts/account.js";
import { accountByIdOrName } from "../../../domain/accounts/account-repository.js";
import { changePermissions } from "../../../domain/accounts/permission-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { requirePermission } from "../principal.js";
import { currentSelf } from "./account-change-routes.js";
import { SelfObject } from "./account-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now"> & { readonly directory: Directory };

const Names = Type.Array(Type.String(), { maxItems: 40, description: "names of permissions, e.g. billing_admin" });

const ChangeBody = Type.Object({
  grant: Type.Optional(Names),
  revoke: Type.Optional(Names),
  reason: Type.Optional(Type.String({ maxLength: 1000 })),
});

/** Who may do what. @see protocol 01 §7 */
export const permissionRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const patch = {
    config: { auth: {} },
    schema: { params: Type.Object({ user: Type.String() }), body: ChangeBody, response: { 200: SelfObject } },
  };
  app.patch("/users/:user/permissions", patch, async (request) => {
    const { userId: actor } = requirePermission(request, PERMISSION.superAdmin);
    const body = checkedBody(request, ChangeBody);
    const [grant, revoke] = [bitsOf(body.grant ?? []), bitsOf(body.revoke ?? [])];
    if (grant === 0 && revoke === 0) throw new AppError("invalid", "Name permissions to grant or to revoke.");
    const account = await accountByIdOrName(deps.db, request.params.user);
    if (account === undefined) throw new AppError("not_found", "User not found.");
    const { userId } = account;
    const { clientAddress } = request;
    const reason = body.reason === undefined ? {} : { reason: body.reason };
    await changePermissions(deps.db, { userId, grant, revoke, actor, ...reason, clientAddress, now: deps.now() });
    deps.directory.drop({ kind: "account", id: userId });
    return currentSelf(deps, userId);
  });
};

function bitsOf(names: readonly string[]): number {
  return names.reduce((bits, name) => bits | bitOf(name), 0);
}

function bitOf(name: string): number {
  const bit = PERMISSION_NAMES.get(name);
  if (bit === undefined)
    throw new AppError("invalid", `${name} is no permission; there are ${[...PERMISSION_NAMES.keys()].join(", ")}.`);
  return bit;
}
