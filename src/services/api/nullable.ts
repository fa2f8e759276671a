import { type Static, type TSchema, Type } from "typebox";

/** A member that may be null or absent. One schema instead of a union, so that a bad value is reported once. */
export function nullable<Schema extends TSchema>(schema: Schema) {
  const { enum: values, type, ...rest } = schema as TSchema & { enum?: readonly unknown[]; type?: string };
  const widened = values === undefined ? { ...rest, type: [type, "null"] } : { ...rest, enum: [...values, null] };
  return Type.Optional(Type.Unsafe<Static<Schema> | null>(widened));
}
