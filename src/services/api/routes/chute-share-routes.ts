import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { accountByIdOrName } from "../../../domain/accounts/account-repository.js";
import { chuteById } from "../../../domain/chutes/chute-repository.js";
import { type ChuteShare, shareChute, sharesOf, unshareChute } from "../../../domain/chutes/chute-share-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { offsetIso } from "../../../wire/timestamps.js";
import { namedAccount, requireBillingAdmin } from "../billing-admin.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { accountOf } from "../principal.js";
import { chuteNotFound } from "../visible-chute.js";
import { ownChuteId } from "./chute-change-deps.js";

type Deps = Pick<ApiDeps, "db" | "now"> & { readonly directory: Directory };

const ShareBody = Type.Object({ chute_id_or_name: Type.String(), user_id_or_name: Type.String() });
const ShareRow = Type.Object({
  chute_id: Type.String(),
  shared_by: Type.String({ description: "user id of the owner" }),
  shared_to: Type.String({ description: "user id of who may use the chute" }),
  shared_at: Type.String(),
});
const ME = { config: { auth: { purpose: "me" } } };
const Status = Type.Object({ status: Type.String() });

/** Letting another account use a private chute, and who may use whose. @see protocol 03 §10.3, 01 §6.5, §14 */
export const chuteShareRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { db, directory } = deps;
  const options = { config: { auth: {} }, schema: { body: ShareBody, response: { 200: Status } } };

  app.post("/chutes/share", options, async (request) => {
    const { share, name, username } = await askedShare(deps, request);
    if ((await chuteById(db, share.chuteId))?.public === true)
      throw new AppError("invalid", "A public chute is everybody's already.");
    if (share.sharedTo === share.sharedBy) throw new AppError("invalid", "A chute cannot be shared with its owner.");
    await shareChute(db, share);
    directory.drop({ kind: "chute", id: share.chuteId });
    return { status: `Shared chute ${name} with ${username}.` };
  });

  app.post("/chutes/unshare", options, async (request) => {
    const { share, name, username } = await askedShare(deps, request);
    await unshareChute(db, share);
    directory.drop({ kind: "chute", id: share.chuteId });
    return { status: `Chute ${name} is no longer shared with ${username}.` };
  });

  const response = { 200: Type.Array(ShareRow) };
  app.get("/users/me/shares", { ...ME, schema: { response } }, (request) => shareRows(deps, accountOf(request).userId));
  const ofUser = { ...ME, schema: { params: Type.Object({ user: Type.String() }), response } };
  app.get("/users/:user/shares", ofUser, async (request) => {
    requireBillingAdmin(request, deps.now);
    return shareRows(deps, (await namedAccount(db, request.params.user)).userId);
  });
};

async function shareRows({ db }: Deps, userId: string): Promise<Static<typeof ShareRow>[]> {
  const shares = await sharesOf(db, userId);
  return shares.map(({ chuteId, sharedBy, sharedTo, sharedAt }) => ({
    chute_id: chuteId,
    shared_by: sharedBy,
    shared_to: sharedTo,
    shared_at: offsetIso(sharedAt),
  }));
}

async function askedShare(
  { db, now }: Deps,
  request: FastifyRequest,
): Promise<{ share: ChuteShare; name: string; username: string }> {
  const account = accountOf(request);
  const body = checkedBody(request, ShareBody);
  const chuteId = await ownChuteId(db, account.userId, body.chute_id_or_name);
  const [chute, other] = await Promise.all([chuteById(db, chuteId), accountByIdOrName(db, body.user_id_or_name)]);
  if (chute === undefined) throw chuteNotFound();
  if (other === undefined) throw new AppError("not_found", "User not found.");
  const share = { chuteId, sharedBy: account.userId, sharedTo: other.userId, now: now() };
  return { share, name: chute.name, username: other.username };
}
