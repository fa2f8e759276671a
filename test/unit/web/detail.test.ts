import { expect, test } from "vitest";
import { detailText } from "../../../web/api/detail.js";

test.each([
  ["a sentence", { detail: "Invalid API key." }, "Invalid API key."],
  [
    "rejected fields",
    { detail: [{ type: "missing", loc: ["body", "name"], msg: "is required" }, { msg: "too long" }] },
    "name: is required; too long",
  ],
  ["an object with a message", { detail: { message: "Send TAO.", quota_reset_timestamp: "…" } }, "Send TAO."],
  ["an engine's error inside a stream", { error: { message: "stopped", type: "upstream_error" } }, "stopped"],
  ["nothing to say", { choices: [] }, undefined],
  ["no object at all", null, undefined],
])("the words of %s", (_what, body, words) => expect(detailText(body)).toBe(words));
