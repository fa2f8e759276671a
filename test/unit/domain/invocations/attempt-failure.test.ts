import { expect, test } from "vitest";
import {
  emptyStream,
  failureOfError,
  failureOfStatus,
  invalidResponse,
} from "../../../../src/domain/invocations/attempt-failure.js";
import { AppError } from "../../../../src/kernel/errors.js";

const body = (value: unknown) => Buffer.from(JSON.stringify(value));

test.each([
  { status: 429, label: "RATE_LIMIT", effect: "next", penalty: "none" },
  { status: 400, label: "BAD_REQUEST", effect: "stop", penalty: "none" },
  { status: 413, label: "BAD_REQUEST", effect: "stop", penalty: "none" },
  { status: 422, label: "BAD_REQUEST", effect: "stop", penalty: "none" },
  { status: 426, label: "KEY_EXCHANGE_REQUIRED", effect: "next", penalty: "delete" },
  { status: 401, label: "HTTP_401: why", effect: "next", penalty: "failure" },
  { status: 403, label: "HTTP_403: why", effect: "next", penalty: "failure" },
  { status: 451, label: "HTTP_451: why", effect: "next", penalty: "failure" },
  { status: 500, label: "HTTP_500: why", effect: "next", penalty: "failure" },
  { status: 302, label: "HTTP_302: why", effect: "next", penalty: "failure" },
])("status $status is $label", ({ status, ...expected }) => {
  expect(failureOfStatus(status, body({ detail: "why" }))).toMatchObject(expected);
});

test("the caller gets the engine's own status and detail when the request was at fault", () => {
  const failure = failureOfStatus(422, body({ detail: [{ loc: ["body"] }] }));
  expect([failure.status, failure.detail]).toEqual([422, [{ loc: ["body"] }]]);
  expect(failureOfStatus(400, Buffer.from("plain text")).detail).toBe("plain text");
  expect(failureOfStatus(400, body({ error: { message: "m" } })).detail).toEqual({ error: { message: "m" } });
});

test("the instance's own 404 is its fault, an engine's is not", () => {
  expect(failureOfStatus(404, body({ detail: "Not Found" }))).toMatchObject({ effect: "next", penalty: "failure" });
  expect(failureOfStatus(404, body({ detail: "no such model" }))).toMatchObject({ effect: "stop", penalty: "none" });
});

test("callers hear 503 for an engine's 5xx and 500 for everything else", () => {
  expect(failureOfStatus(502, body({})).status).toBe(503);
  expect(failureOfError(new Error("reset"), { host: "10.0.0.1", port: 1 }).status).toBe(503);
});

test("errors never tell where an instance is", () => {
  const failure = failureOfError(new Error("connect ECONNREFUSED 10.1.2.3:4567 (10.1.2.3)"), {
    host: "10.1.2.3",
    port: 4567,
  });
  expect(failure.label).toBe("connect ECONNREFUSED [host redacted] ([host redacted])");
});

test.each([
  { error: new AppError("forbidden", "no key"), label: "KEY_EXCHANGE_REQUIRED", penalty: "delete" },
  { error: new AppError("aborted", "left"), label: "CLIENT_DISCONNECTED", penalty: "none" },
  {
    error: new AppError("invalid", "the payload does not decrypt"),
    label: "the payload does not decrypt",
    penalty: "failure",
  },
  { error: "thrown text", label: "thrown text", penalty: "failure" },
])("$label costs the instance: $penalty", ({ error, ...expected }) => {
  expect(failureOfError(error, { host: "10.0.0.1", port: 1 })).toMatchObject(expected);
});

test("an empty stream is a failure, a missing usage the end of the instance", () => {
  expect(emptyStream()).toMatchObject({ label: "EMPTY_STREAM", penalty: "failure", effect: "next" });
  expect(invalidResponse()).toMatchObject({ label: "INVALID_RESPONSE", penalty: "delete", effect: "next" });
});
