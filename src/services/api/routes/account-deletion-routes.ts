import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { PERMISSION } from "../../../domain/accounts/account.js";
import { accountByIdOrName } from "../../../domain/accounts/account-repository.js";
import { type Belongings, deleteAccount } from "../../../domain/accounts/deletion-repository.js";
import { permissionNames } from "../../../domain/accounts/permission-texts.js";
import { AppError } from "../../../kernel/errors.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { accountOf, requirePermission } from "../principal.js";

type Deps = Pick<ApiDeps, "db" | "now"> & { readonly directory: Directory };

const LONGEST_REASON = 1000;
const MICRO_USD = 1_000_000;

/** The end of an account, by its owner or an administrator. @see protocol 01 §6.7 */
export const accountDeletionRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const own = {
    config: { auth: { fingerprint: "only" } },
    schema: { response: { 200: Type.Object({ deleted: Type.Literal(true) }) } },
  } as const;
  app.delete("/users/me", own, async (request) => {
    const { userId } = accountOf(request);
    await remove(deps, request, { userId, actor: userId, reason: "by its owner" });
    return { deleted: true as const };
  });

  const ReasonBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: LONGEST_REASON }) });
  const other = {
    config: { auth: {} },
    schema: {
      params: Type.Object({ user: Type.String() }),
      body: ReasonBody,
      response: { 200: Type.Object({ user_id: Type.String(), deleted: Type.Literal(true) }) },
    },
  };
  app.delete("/users/:user", other, async (request) => {
    const admin = requirePermission(request, PERMISSION.deleteUser);
    const { reason } = checkedBody(request, ReasonBody);
    const account = await accountByIdOrName(deps.db, request.params.user);
    if (account === undefined) throw userNotFound();
    await remove(deps, request, { userId: account.userId, actor: admin.userId, reason });
    return { user_id: account.userId, deleted: true as const };
  });
};

async function remove(
  { db, now, directory }: Deps,
  { clientAddress }: FastifyRequest,
  deletion: { readonly userId: string; readonly actor: string; readonly reason: string },
): Promise<void> {
  const { userId } = deletion;
  const outcome = await deleteAccount(db, { ...deletion, clientAddress, now: now() });
  if (outcome === "gone") throw userNotFound();
  if (outcome !== undefined) throw blockedBy(userId, outcome);
  directory.drop({ kind: "account", id: userId });
}

function blockedBy(userId: string, { balanceMicroUsd, chutes, images, secrets, ...rest }: Belongings): AppError {
  const message = "The account still holds permissions, money, chutes, images or secrets.";
  const detail = {
    message,
    user_id: userId,
    balance: Number(balanceMicroUsd) / MICRO_USD,
    permissions: permissionNames(rest),
    chutes,
    images,
    secrets,
  };
  return new AppError("conflict", message, { detail });
}

function userNotFound(): AppError {
  return new AppError("not_found", "User not found.");
}
