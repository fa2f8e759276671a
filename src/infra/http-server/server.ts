import type { IncomingMessage } from "node:http";
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
  type RawServerDefault,
} from "fastify";
import { AppError } from "../../kernel/errors.js";
import type { Logger } from "../../kernel/logger.js";
import { parseJson, stringifyJson } from "../../wire/json.js";
import { clientAddress, type TrustedProxies, trustedProxies } from "./client-address.js";
import { handleError, handleNotFound } from "./error-handler.js";

export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  import("node:http").ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module "fastify" {
  interface FastifyRequest {
    /** Body exactly as received; empty for requests without one. Signatures hash these bytes. */
    rawBody: Buffer;
    /** Address of the caller, looking through configured proxies only. */
    clientAddress: string;
  }
}

export interface HttpServerOptions {
  readonly log: Logger;
  readonly maxBodyBytes: number;
  /** Comma list of addresses and CIDRs. */
  readonly trustedProxies: string;
  readonly requestTimeoutMs?: number;
}

const NO_BODY = Buffer.alloc(0);

/**
 * A JSON server with the platform's habits: bodies kept as received and parsed with 64-bit integers intact, errors as
 * `{"detail"}` on every path, leading slashes merged, bigint in answers.
 * @see protocol 01 §0, 04 §1.2
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const app = Fastify({
    loggerInstance: options.log as unknown as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.requestTimeoutMs ?? 0,
    keepAliveTimeout: 75_000,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    rewriteUrl: (request) => mergeLeadingSlashes(request.url ?? "/"),
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as HttpServer;
  app.setValidatorCompiler(validatorOf);
  app.setReplySerializer((payload) => stringifyJson(payload));
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(handleNotFound);
  decorateRequests(app, trustedProxies(options.trustedProxies));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body, done) => {
    request.rawBody = body as Buffer;
    done(null, body);
  });
  return app;
}

/** An escaped NUL, behind an even number of backslashes. */
const ESCAPED_NUL = /(?:^|[^\\])(?:\\\\)*\\u0000/;

/**
 * Parses the kept bytes as JSON. Called by routes that take JSON, after authentication.
 * @throws AppError `invalid`, also for text with a NUL, which the database cannot keep
 */
export function jsonBody({ rawBody }: Pick<FastifyRequest, "rawBody">): unknown {
  if (rawBody.includes("\\u0000") && ESCAPED_NUL.test(rawBody.toString("latin1"))) throw nulError();
  return parseJson(rawBody);
}

/** A route's body schema describes the body to readers; `checkedBody` applies it, once the caller is known. */
const validatorOf: typeof TypeBoxValidatorCompiler = (route) =>
  route.httpPart === "body" ? () => true : TypeBoxValidatorCompiler(route);

function decorateRequests(app: HttpServer, proxies: TrustedProxies): void {
  app.decorateRequest("rawBody", null as never);
  app.decorateRequest("clientAddress", "");
  app.addHook("onRequest", async (request) => {
    request.rawBody = NO_BODY;
    request.clientAddress = clientAddress(request.raw, proxies);
    if (request.url.includes("%00")) throw nulError();
  });
}

function nulError(): AppError {
  return new AppError("invalid", "Text must not contain NUL.");
}

/** @see protocol 04 §1.2 */
function mergeLeadingSlashes(url: string): string {
  return url.startsWith("//") ? url.replace(/^\/+/, "/") : url;
}
