import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { AppError } from "../../kernel/errors.js";

/** Longest answer, in tokens: the pretended context of the engine. */
export const MAX_TOKENS = 131_072;

const Limits = {
  max_tokens: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: MAX_TOKENS }), Type.Null()])),
  max_completion_tokens: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: MAX_TOKENS }), Type.Null()])),
  min_tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_TOKENS })),
  ignore_eos: Type.Optional(Type.Boolean()),
  n: Type.Optional(Type.Union([Type.Literal(1), Type.Null()])),
  stream: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  stream_options: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.Object({
        include_usage: Type.Optional(Type.Boolean()),
        continuous_usage_stats: Type.Optional(Type.Boolean()),
      }),
    ]),
  ),
};

const Part = Type.Object({ type: Type.String(), text: Type.Optional(Type.String()) });
const Content = Type.Optional(Type.Union([Type.String(), Type.Array(Part), Type.Null()]));
const ChatBody = Compile(
  Type.Object({
    messages: Type.Array(Type.Object({ role: Type.String({ minLength: 1 }), content: Content }), { minItems: 1 }),
    ...Limits,
  }),
);

const TokenIds = Type.Array(Type.Integer({ minimum: 0 }));
const CompletionBody = Compile(
  Type.Object({
    prompt: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems: 1 }), TokenIds]),
    ...Limits,
  }),
);

type LimitsOf = Pick<ReturnType<(typeof CompletionBody)["Parse"]>, keyof typeof Limits>;

/** What to answer, decided before the first token. One word is one token. */
export interface EchoPlan {
  readonly words: readonly string[];
  readonly promptTokens: number;
  readonly finishReason: "stop" | "length";
  readonly isStream: boolean;
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
}

/** Plan of a chat completion: the words of the last user message. Throws AppError `invalid` for a bad body. */
export function planChat(body: unknown): EchoPlan {
  const { messages, ...limits } = checked(ChatBody, body);
  const texts = messages.map(({ role, content }) => ({ role, words: wordsOf(textOf(content)) }));
  const asked = texts.findLast(({ role }) => role === "user") ?? texts.at(-1);
  const promptTokens = texts.reduce((sum, { words }) => sum + words.length, 0);
  return plan(asked?.words ?? [], promptTokens, limits);
}

/** Plan of a completion: the words of the prompt. Throws AppError `invalid` for a bad body. */
export function planCompletion(body: unknown): EchoPlan {
  const { prompt, ...limits } = checked(CompletionBody, body);
  const words = typeof prompt === "string" ? wordsOf(prompt) : prompt.flatMap((item) => wordsOf(String(item)));
  return plan(words, words.length, limits);
}

/** A compiled schema: interpreting one for every request costs more than generating a short answer. */
interface Checker<T> {
  Check(value: unknown): value is T;
  Errors(value: unknown): { instancePath: string; message: string }[];
}

/** The body, typed. Throws AppError `invalid` naming the member that is wrong. */
export function checked<T>(checker: Checker<T>, body: unknown): T {
  if (checker.Check(body)) return body;
  const problem = checker.Errors(body)[0];
  const where = problem?.instancePath.replaceAll("/", ".").slice(1) ?? "";
  throw new AppError("invalid", `${where === "" ? "body" : where}: ${problem?.message ?? "is not valid"}`);
}

/** Words of a text; what the engine counts as tokens. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** As real servers: `ignore_eos` and `min_tokens` ask for more than the model would say, so the words start over. */
function plan(prompt: readonly string[], promptTokens: number, limits: LimitsOf): EchoPlan {
  const source = prompt.length > 0 ? prompt : ["..."];
  const limit = limits.max_completion_tokens ?? limits.max_tokens ?? undefined;
  const natural = Math.max(source.length, limits.min_tokens ?? 0);
  const wanted = limits.ignore_eos === true ? (limit ?? natural) : natural;
  const count = Math.min(wanted, limit ?? MAX_TOKENS, MAX_TOKENS);
  return {
    words: Array.from({ length: count }, (_, index) => source[index % source.length] ?? ""),
    promptTokens,
    finishReason: count < wanted || (limits.ignore_eos === true && count === limit) ? "length" : "stop",
    isStream: limits.stream === true,
    includeUsage: limits.stream_options?.include_usage === true,
    continuousUsage: limits.stream_options?.continuous_usage_stats === true,
  };
}

function textOf(content: Static<typeof Content> | undefined): string {
  if (typeof content === "string") return content;
  return content?.map((part) => part.text ?? "").join(" ") ?? "";
}
