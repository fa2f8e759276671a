import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { changeIdentity } from "../../../domain/accounts/identity-repository.js";
import { logoExists } from "../../../domain/logos/logo-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { isUuid } from "../../../wire/ids.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { nullable } from "../nullable.js";
import { accountOf } from "../principal.js";
import { currentSelf } from "./account-change-routes.js";
import { SelfObject } from "./account-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now"> & { readonly directory: Directory };

/** The picture of an account. @see protocol 01 §6.5 */
export const accountLogoRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const response = { 200: SelfObject };
  // A GET that writes: clients of the original server know no other.
  const legacy = { querystring: Type.Object({ logo_id: Type.String() }), response };
  app.get("/users/set_logo", { config: { auth: {} }, schema: legacy }, async (request) =>
    setLogo(deps, request, request.query.logo_id),
  );

  const LogoBody = Type.Object({ logo_id: nullable(Type.String()) });
  app.put("/users/me/logo", { config: { auth: {} }, schema: { body: LogoBody, response } }, async (request) =>
    setLogo(deps, request, checkedBody(request, LogoBody).logo_id ?? ""),
  );
};

/** Empty takes the logo away. */
async function setLogo(deps: Deps, request: FastifyRequest, logoId: string) {
  const { userId, logoId: before } = accountOf(request);
  const isKnown = logoId === "" || (isUuid(logoId) && (await logoExists(deps.db, { logoId, userId })));
  if (!isKnown) throw new AppError("not_found", "Logo not found.");
  const after = logoId === "" ? null : logoId;
  const { clientAddress } = request;
  const entry = { userId, actor: userId, action: "change_logo", details: { before, after }, clientAddress };
  await changeIdentity(deps.db, { logoId: after }, { ...entry, now: deps.now() });
  deps.directory.drop({ kind: "account", id: userId });
  return currentSelf(deps, userId);
}
