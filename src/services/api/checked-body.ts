import type { FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { jsonBody } from "../../infra/http-server/server.js";
import { AppError } from "../../kernel/errors.js";

/**
 * The request's JSON body, once it fits the schema. Values are not converted; unknown members are left alone.
 * @throws AppError `invalid` for malformed JSON, `unprocessable` with the list that clients know for anything else
 * @see protocol 01 §0
 */
export function checkedBody<Schema extends TSchema>(request: FastifyRequest, schema: Schema): Static<Schema> {
  const body = jsonBody(request);
  if (Value.Check(schema, body)) return body;
  throw new AppError("unprocessable", "The request body is not valid.", { detail: problemsOf(schema, body) });
}

interface Problem {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input?: unknown;
}

/** Longest list of problems that is answered. */
const PROBLEM_LIMIT = 50;

function problemsOf(schema: TSchema, body: unknown): Problem[] {
  return Value.Errors(schema, body)
    .slice(0, PROBLEM_LIMIT)
    .flatMap((error) => {
      const path = error.instancePath.split("/").slice(1).map(unescapePointer);
      const loc = ["body", ...path.map(asIndex)];
      if (error.keyword !== "required")
        return [{ type: error.keyword, loc, msg: error.message, ...inputAt(body, path) }];
      return error.params.requiredProperties.map((name) => ({
        type: "missing",
        loc: [...loc, name],
        msg: "Field required",
      }));
    });
}

/** Longest text that is repeated to its sender. */
const ECHO_LENGTH = 200;

/** The refused value itself when it is small: a whole body must not come back fifty times. */
function inputAt(body: unknown, path: readonly string[]): { input?: unknown } {
  const input = at(body, path);
  if (typeof input === "object" && input !== null) return {};
  return typeof input === "string" && input.length > ECHO_LENGTH ? {} : { input };
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], value);
}

function asIndex(segment: string): string | number {
  return /^\d+$/.test(segment) ? Number(segment) : segment;
}

function unescapePointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}
