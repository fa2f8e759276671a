import { expect, test } from "vitest";
import { StreamJudge } from "../../../../src/domain/invocations/stream-judge.js";

const MODEL = 'org/"quoted"';
const event = (members: object) => Buffer.from(`data: ${JSON.stringify(members)}\n`);
const BLANK = Buffer.from("\n");
const GOOD = event({ model: MODEL, choices: [] });

test("nothing passes before the first event, and then everything in order", () => {
  const judge = new StreamJudge(MODEL);
  const comment = Buffer.from(": ping\n");
  expect(judge.judge([BLANK, comment])).toEqual({ pass: [] });
  expect(judge.judge([GOOD, BLANK])).toEqual({ pass: [BLANK, comment, GOOD, BLANK] });
  expect(judge.judge([BLANK])).toEqual({ pass: [BLANK] });
});

test("[DONE] alone is no event", () => {
  expect(new StreamJudge(MODEL).judge([Buffer.from("data: [DONE]\n")])).toEqual({ pass: [] });
});

test.each([
  { code: 404, label: "BAD_REQUEST", status: 404, effect: "stop", penalty: "none" },
  { code: 429, label: "RATE_LIMIT", status: 429, effect: "next", penalty: "none" },
  { code: 500, label: "HTTP_500: broken", status: 503, effect: "next", penalty: "failure" },
  { code: "oops", label: "HTTP_500: broken", status: 503, effect: "next", penalty: "failure" },
])("an error with code $code as the first event", ({ code, ...expected }) => {
  const lines = [event({ error: { message: "broken", code } })];
  expect(new StreamJudge(MODEL).judge(lines)).toMatchObject({ failure: expected });
});

test("an engine that lost its prompt is passed over", () => {
  const lines = [event({ error: { message: "input_ids cannot be empty.", code: 400 } })];
  expect(new StreamJudge(MODEL).judge(lines)).toMatchObject({ failure: { effect: "next", penalty: "failure" } });
});

test("another model is no answer, at any time", () => {
  const other = event({ model: "cheap/model", choices: [] });
  expect(new StreamJudge(MODEL).judge([other])).toMatchObject({ failure: { label: "EMPTY_STREAM" } });
  const judge = new StreamJudge(MODEL);
  judge.judge([GOOD]);
  expect(judge.judge([other])).toMatchObject({ failure: { label: "EMPTY_STREAM" } });
});

test("the model may be spelled with spaces or escapes, or not at all", () => {
  const spellings = [
    Buffer.from(`data: {"model": ${JSON.stringify(MODEL)}}\n`),
    Buffer.from(`data: {"model":"org\\/\\"quoted\\""}\n`),
    event({ choices: [] }),
  ];
  for (const line of spellings) expect(new StreamJudge(MODEL).judge([line])).toEqual({ pass: [line] });
});

test("an error in the middle is the client's to read", () => {
  const judge = new StreamJudge(MODEL);
  judge.judge([GOOD]);
  const late = event({ error: { message: "late", code: 500 }, model: "x" });
  expect(judge.judge([late])).toEqual({ pass: [late] });
});

test("a stream of blank lines is given up", () => {
  const judge = new StreamJudge(MODEL);
  expect(judge.judge(Array.from({ length: 1001 }, () => BLANK))).toMatchObject({ failure: { label: "EMPTY_STREAM" } });
});
