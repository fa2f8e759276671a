/** An environment variable that only the instances of one chute are told. @see protocol 01 §12 */
export interface Secret {
  readonly secretId: string;
  readonly key: string;
  readonly chuteId: string;
  readonly createdAt: Date;
}

/** Most secrets of one chute. */
export const SECRETS_PER_CHUTE = 100;

const MAX_VALUE_BYTES = 32 * 1024;
const KEY = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Variables by which the runtime, the loader or the GPU could be taken over. */
const RESERVED = /^(PATH$|LD_|PYTHON|CHUTES_|NVIDIA_|CUDA_)/;
/** A NUL ends a variable early; half a character has no bytes. */
const UNFIT = /[\0\p{Surrogate}]/u;

/** What keeps a process from being given this variable, or undefined. Never repeats the value. @see protocol 01 §12 */
export function secretProblem({ key, value }: { readonly key: string; readonly value: string }): string | undefined {
  if (!KEY.test(key)) return "key must be 1 to 128 letters, digits or underscores and not begin with a digit.";
  if (RESERVED.test(key)) return `${key} belongs to the runtime and cannot be a secret.`;
  if (UNFIT.test(value)) return "value has characters that an environment cannot hold.";
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) return `value is longer than ${MAX_VALUE_BYTES} bytes.`;
  return undefined;
}
