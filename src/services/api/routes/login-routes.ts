import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import { newLoginNonce } from "../../../domain/accounts/login-nonce-store.js";
import { AppError, HTTP_STATUS } from "../../../kernel/errors.js";
import { sessionCookie } from "../auth-cookie.js";
import { accountByLoginSignature } from "../auth-login.js";
import { newSession } from "../auth-session.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { failurePage, PAGE_HEADERS, welcomePage } from "./login-pages.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now"> & { readonly directory: Directory };

const Page = Type.String({ description: "HTML page" });
const Parameter = Type.Optional(Type.String({ maxLength: 256 }));

/** What `chutes login` opens in a browser. @see protocol 01 §5.3 */
export const loginRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { config, redis } = deps;
  const nonce = { response: { 200: Type.Object({ nonce: Type.String() }) } };
  app.get("/idp/cli_login/nonce", { schema: nonce }, async (_request, reply) => {
    const { nonce: fresh } = await newLoginNonce(redis);
    return reply.header("cache-control", "no-store").send({ nonce: fresh });
  });

  const login = {
    querystring: Type.Object({ hotkey: Parameter, signature: Parameter, nonce: Parameter }),
    response: { 200: Page, 302: Page, 400: Page, 404: Page },
  };
  const options = {
    schema: login,
    errorHandler: (error: Error, _request: unknown, reply: FastifyReply) => sendFailure(reply, error),
  };
  app.get("/idp/cli_login", options, async (request, reply) => {
    const { hotkey = "", signature = "", nonce: used = "" } = request.query;
    const signed = { hotkey, signatureHex: signature, nonce: used };
    const { userId, username } = await accountByLoginSignature(deps, request, signed);
    reply.headers(PAGE_HEADERS).header("set-cookie", sessionCookie(config, await newSession(deps, userId)));
    const { dashboardUrl } = config.accounts;
    if (dashboardUrl !== "") return reply.redirect(dashboardUrl, 302);
    return sendPage(reply, 200, welcomePage(username));
  });
};

/** The reader is a person with a browser. Anything that is not for users to see is left to the server's own handler. */
function sendFailure(reply: FastifyReply, error: Error): FastifyReply {
  if ("validation" in error)
    return sendPage(reply.headers(PAGE_HEADERS), 400, failurePage("The link is not complete."));
  if (!(error instanceof AppError)) throw error;
  const status = statusOf(error);
  return sendPage(reply.headers({ ...PAGE_HEADERS, ...error.headers }), status, failurePage(error.message));
}

/** A browser that is refused has nothing to authenticate with: 401 would make it ask. @see protocol 01 §5.3 */
function statusOf({ kind, cause }: AppError): number {
  if (kind !== "unauthorized") return HTTP_STATUS[kind];
  return cause === "account" ? 404 : 400;
}

function sendPage(reply: FastifyReply, status: number, html: string): FastifyReply {
  // The server writes strings as JSON, which a page is not.
  return reply.code(status).type("text/html; charset=utf-8").serializer(String).send(html);
}
