import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { AppError, HTTP_STATUS } from "../../kernel/errors.js";

/** The database's codes for text that it cannot keep: only what a caller sent can hold such. */
const UNSTORABLE_TEXT: ReadonlySet<string> = new Set(["22021", "22P05"]);

/** Of two transactions that waited for each other, the database ended this one whole: it can be repeated. */
const DEADLOCK = "40P01";

/**
 * Every failure leaves as JSON `{"detail"}`; clients parse the body before they look at the status.
 * @see protocol 01 §0, 03 §0
 */
export function handleError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof AppError)
    return reply.code(HTTP_STATUS[error.kind]).headers(error.headers).send({ detail: error.detail });
  if (error.validation !== undefined) return reply.code(422).send({ detail: validationDetail(error) });
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return reply.code(413).header("connection", "close").send({ detail: "Request body is too large." });
  if (error.code === DEADLOCK) {
    request.log.warn({ err: error, method: request.method, route: request.routeOptions.url }, "database deadlock");
    return reply.code(503).send({ detail: "Somebody else is changing the same things right now; try again." });
  }
  if (UNSTORABLE_TEXT.has(error.code)) return reply.code(400).send({ detail: "Text must not contain NUL." });
  if (error.statusCode !== undefined && error.statusCode < 500)
    return reply.code(error.statusCode).send({ detail: error.message });
  request.log.error({ err: error, method: request.method, route: request.routeOptions.url }, "unhandled error");
  return reply.code(500).send({ detail: "Internal server error" });
}

/** Unknown paths answer JSON too. */
export function handleNotFound(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ detail: "Not Found" });
}

interface ValidationDetail {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input?: unknown;
}

/** The list shape that the clients of the original server know. */
function validationDetail(error: FastifyError): ValidationDetail[] {
  const where = error.validationContext === "querystring" ? "query" : (error.validationContext ?? "body");
  return (error.validation ?? []).map((problem) => ({
    type: problem.keyword === "required" ? "missing" : problem.keyword,
    loc: [where, ...problem.instancePath.split("/").filter(Boolean), ...missingField(problem.params)],
    msg: problem.message ?? "invalid",
  }));
}

function missingField(params: Record<string, unknown>): string[] {
  const missing = params["missingProperty"] ?? params["requiredProperties"] ?? [];
  return [missing].flat().map(String);
}
