import { expect, test } from "vitest";
import {
  type TraceTarget,
  traceAttempt,
  traceError,
  traceFailure,
  traceResult,
  traceStart,
  traceSuccess,
} from "../../../src/wire/trace.js";

const NOW = new Date("2025-10-01T12:00:00.123Z");
const call = { invocationId: "parent", chuteId: "chute", functionName: "chat_stream" };
const target: TraceTarget = { instanceId: "inst-1", uid: 12, hotkey: "5hot", coldkey: "5cold" };
const attempt = { ...call, childId: "child", target };

/** The auditor's two expressions. */
const QUERY = /query target=([^ ]+) uid=([0-9+]+) hotkey=([^ ]+)/;
const FAILURE = /error encountered while querying target=([^ ]+) uid=([0-9]+) hotkey=([^ ]+) coldkey=[^ ]+: (.*)/;

function read(event: string): Record<string, unknown> {
  expect(event).toMatch(/^data: \{[^\n]*\}\n\n$/);
  return JSON.parse(event.slice("data: ".length));
}

test("04 §8.3: the first event names the call and how many targets there are", () => {
  expect(read(traceStart(call, 3, NOW))).toEqual({
    trace: {
      timestamp: "2025-10-01T12:00:00.123000",
      invocation_id: "parent",
      chute_id: "chute",
      function: "chat_stream",
      message: "identified 3 available targets",
    },
  });
});

test("04 §8.3: the auditor finds target, uid and hotkey of an attempt", () => {
  const { trace } = read(traceAttempt(attempt, NOW)) as { trace: Record<string, string> };
  expect(trace).toMatchObject({ invocation_id: "parent", child_id: "child", function: "chat_stream" });
  expect(trace["message"]).toBe("attempting to query target=inst-1 uid=12 hotkey=5hot coldkey=5cold");
  expect(QUERY.exec(trace["message"] ?? "")?.slice(1)).toEqual(["inst-1", "12", "5hot"]);
});

test("04 §8.3: success names the function", () => {
  expect(read(traceSuccess(attempt, NOW))).toMatchObject({
    trace: { message: "successfully called function='chat_stream' on target=inst-1 uid=12 hotkey=5hot coldkey=5cold" },
  });
});

test("04 §8.3: the auditor finds a failure and its reason on one line", () => {
  const { trace } = read(traceFailure(attempt, "HTTP_500: boom\nat line 1", NOW)) as { trace: Record<string, string> };
  expect(FAILURE.exec(trace["message"] ?? "")?.slice(1)).toEqual([
    "inst-1",
    "12",
    "5hot",
    String.raw`exc=HTTP_500: boom\nat line 1`,
  ]);
});

test("04 §8.3: results and errors", () => {
  expect(traceResult('data: {"x":1}\n\n')).toBe('data: {"result":"data: {\\"x\\":1}\\n\\n"}\n\n');
  expect(read(traceError("infra_overload", "no targets"))).toEqual({ error: "infra_overload", detail: "no targets" });
  expect(read(traceError("boom"))).toEqual({ error: "boom" });
});
