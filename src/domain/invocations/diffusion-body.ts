import { Type } from "typebox";
import { Value } from "typebox/value";
import { AppError } from "../../kernel/errors.js";

const MOST_STEPS = 50;
const DEFAULT_STEPS = 25;
/** Members of other protocols that clients send along. */
const DROPPED = ["cord", "method", "model"];

const side = Type.Integer({ minimum: 128, maximum: 2048 });
const guidance = Type.Number({ minimum: 1, maximum: 20 });
const orNull = <T extends Parameters<typeof Type.Optional>[0]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]));

const DiffusionBody = Type.Object(
  {
    prompt: Type.String(),
    negative_prompt: Type.Optional(Type.String()),
    height: Type.Optional(side),
    width: Type.Optional(side),
    num_inference_steps: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_STEPS })),
    guidance_scale: Type.Optional(guidance),
    img_guidance_scale: Type.Optional(guidance),
    seed: orNull(Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 })),
    image_b64: orNull(Type.Array(Type.String(), { maxItems: 64 })),
    true_cfg_scale: orNull(Type.Number({ minimum: 0, maximum: 10 })),
  },
  { additionalProperties: false },
);

/**
 * Body that a `diffusion` chute gets: checked, with too many steps cut to the limit; defaults are left to the chute.
 * @throws AppError `invalid` naming the member that is wrong
 * @see protocol 04 §4.3
 */
export function shapeDiffusionBody(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shaped: Record<string, unknown> = { ...body };
  for (const name of DROPPED) delete shaped[name];
  const steps = wholeNumber(shaped["num_inference_steps"]);
  if (steps !== undefined) shaped["num_inference_steps"] = Math.min(steps, MOST_STEPS);
  const [problem] = Value.Errors(DiffusionBody, shaped);
  if (problem !== undefined) {
    const member = problem.instancePath === "" ? "the body" : problem.instancePath.slice(1);
    throw new AppError("invalid", `invalid request: ${member} ${problem.message}`);
  }
  return shaped;
}

/** Inference steps a shaped body asks for. */
export function stepsOf(body: Readonly<Record<string, unknown>>): number {
  return wholeNumber(body["num_inference_steps"]) ?? DEFAULT_STEPS;
}

/** A whole number, also one in quotes. */
function wholeNumber(value: unknown): number | undefined {
  const isText = typeof value === "string" && /^[0-9]{1,9}$/.test(value);
  const number = isText ? Number(value) : value;
  return Number.isInteger(number) ? (number as number) : undefined;
}
