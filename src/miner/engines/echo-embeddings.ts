import { createHash } from "node:crypto";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { checked, wordsOf } from "./echo-prompt.js";
import { type EngineReply, jsonReply } from "./engine.js";

const DEFAULT_DIMENSIONS = 256;
const FLOAT_BYTES = 4;

const TokenIds = Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 });
const EmbeddingBody = Compile(
  Type.Object({
    input: Type.Union([
      Type.String({ minLength: 1 }),
      TokenIds,
      Type.Array(Type.Union([Type.String({ minLength: 1 }), TokenIds]), { minItems: 1, maxItems: 2048 }),
    ]),
    dimensions: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: 4096 }), Type.Null()])),
    encoding_format: Type.Optional(Type.Union([Type.Literal("float"), Type.Literal("base64")])),
  }),
);

/**
 * Deterministic embeddings: each word is a fixed direction and a text is the normalised sum of its words, so texts that share
 * words lie close together. Throws AppError `invalid` for a bad body.
 */
export function embed(body: unknown, model: string): EngineReply {
  const { input, dimensions, encoding_format } = checked(EmbeddingBody, body);
  const inputs = inputWords(input);
  const tokens = inputs.reduce((sum, words) => sum + words.length, 0);
  const data = inputs.map((words, index) => {
    const vector = embedding(words, dimensions ?? DEFAULT_DIMENSIONS);
    return { object: "embedding", index, embedding: encoding_format === "base64" ? base64Of(vector) : [...vector] };
  });
  return jsonReply({ object: "list", model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

type Input = string | number[] | (string | number[])[];

function inputWords(input: Input): string[][] {
  if (typeof input === "string") return [wordsOf(input)];
  const isOneText = input.every((item) => typeof item === "number");
  return isOneText
    ? [input.map(String)]
    : input.map((item) => (typeof item === "string" ? wordsOf(item) : [item].flat().map(String)));
}

function embedding(words: readonly string[], dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of words.length > 0 ? words : [""]) addDirection(vector, word.toLowerCase());
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

/** An extendable hash gives as many bytes as the direction needs. */
function addDirection(vector: Float32Array, word: string): void {
  const bytes = createHash("shake256", { outputLength: vector.length * 2 })
    .update(word)
    .digest();
  for (let index = 0; index < vector.length; index++) {
    vector[index] = (vector[index] ?? 0) + bytes.readInt16LE(index * 2) / 32_768;
  }
}

function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * FLOAT_BYTES);
  vector.forEach((value, index) => {
    bytes.writeFloatLE(value, index * FLOAT_BYTES);
  });
  return bytes.toString("base64");
}
