import { expect, test } from "vitest";
import { CORD_KEYS, TEMPLATE_CORDS } from "../../../src/wire/cords.js";

const routes = (template: keyof typeof TEMPLATE_CORDS) =>
  TEMPLATE_CORDS[template].map((cord) => [cord.public_api_method, cord.public_api_path, cord.path, cord.stream]);

test("03 §8.5: cords of the LLM template", () => {
  expect(routes("vllm")).toEqual([
    ["POST", "/v1/chat/completions", "/chat_stream", true],
    ["POST", "/v1/completions", "/completion_stream", true],
    ["POST", "/v1/chat/completions", "/chat", false],
    ["POST", "/v1/completions", "/completion", false],
    ["GET", "/v1/models", "/get_models", false],
    ["POST", "/tokenize", "/do_tokenize", false],
    ["POST", "/detokenize", "/do_detokenize", false],
  ]);
});

test("03 §8.5: cords of the embedding template", () => {
  expect(routes("embedding")).toEqual([
    ["POST", "/v1/embeddings", "/embed", false],
    ["GET", "/v1/models", "/get_models", false],
  ]);
});

test("03 §8.1: every template cord passes requests through and has all members in order", () => {
  for (const cord of [...TEMPLATE_CORDS.vllm, ...TEMPLATE_CORDS.embedding]) {
    expect(Object.keys(cord)).toEqual([...CORD_KEYS]);
    expect(cord.passthrough).toBe(true);
    expect(cord.path).toBe(`/${cord.function}`);
  }
});
