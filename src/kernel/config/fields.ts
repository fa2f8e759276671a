import { Type } from "typebox";

/** A text setting. `""` means "not set". */
export function text(env: string, value: string, description: string) {
  return Type.String({ env, default: value, description, maxLength: 8192 });
}

/** A text setting that must never be printed; it feeds the log's mask. There is no default. */
export function secret(env: string, description: string) {
  return Type.String({ env, default: "", description, maxLength: 8192, secret: true });
}

/** A whole-number setting within limits; the description names the unit. */
export function whole(env: string, value: number, limits: { minimum: number; maximum?: number; description: string }) {
  return Type.Integer({ env, default: value, ...limits });
}

/** A number setting within limits; the description names the unit. */
export function number(env: string, value: number, limits: { minimum: number; maximum?: number; description: string }) {
  return Type.Number({ env, default: value, ...limits });
}

/** A yes/no setting. */
export function flag(env: string, value: boolean, description: string) {
  return Type.Boolean({ env, default: value, description });
}

/** A setting with a closed list of values. */
export function choice<const Values extends readonly string[]>(
  values: Values,
  options: { env: string; default: Values[number]; description: string },
) {
  return Type.Unsafe<Values[number]>({ type: "string", enum: [...values], ...options });
}
