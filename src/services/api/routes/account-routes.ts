import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { isUsername } from "../../../domain/accounts/username.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { accountOf } from "../principal.js";
import { accountChangeRoutes } from "./account-change-routes.js";
import { accountCreationRoutes } from "./account-creation-routes.js";
import { accountDeletionRoutes } from "./account-deletion-routes.js";
import { accountLogoRoutes } from "./account-logo-routes.js";
import { isUsernameTaken } from "./account-names.js";
import { SelfObject, selfObject } from "./account-objects.js";
import { fingerprintRoutes } from "./fingerprint-routes.js";
import { linkRoutes } from "./link-routes.js";
import { loginRoutes } from "./login-routes.js";
import { permissionRoutes } from "./permission-routes.js";
import { sessionRoutes } from "./session-routes.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "log" | "chain"> & { readonly directory: Directory };

/** Everything about who somebody is. @see protocol 01 §5 to §8 */
export const accountRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  await app.register(selfRoutes, deps);
  await app.register(accountCreationRoutes, deps);
  await app.register(accountChangeRoutes, deps);
  await app.register(accountLogoRoutes, deps);
  await app.register(accountDeletionRoutes, deps);
  await app.register(fingerprintRoutes, deps);
  await app.register(sessionRoutes, deps);
  await app.register(loginRoutes, deps);
  await app.register(permissionRoutes, deps);
  await app.register(linkRoutes, deps);
};

const selfRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { config, directory } = deps;
  const me = { config: { auth: { purpose: "me" } }, schema: { response: { 200: SelfObject } } };
  app.get("/users/me", me, async (request) => {
    const account = accountOf(request);
    return selfObject(config, account, await directory.effectiveBalance(account));
  });

  const nameCheck = {
    querystring: Type.Object({ username: Type.String() }),
    response: { 200: Type.Object({ valid: Type.Boolean(), available: Type.Boolean() }) },
  };
  app.get("/users/name_check", { schema: nameCheck }, async (request) => {
    const { username } = request.query;
    const valid = isUsername(username);
    return { valid, available: valid && !(await isUsernameTaken(deps, username)) };
  });
};
