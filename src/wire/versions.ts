const LEADING_NUMBERS = /^\s*v?(\d+)\.(\d+)(?:\.(\d+))?/;

/**
 * Orders two runtime versions by major, minor and patch; whatever follows is ignored (`0.5.5.rc3` equals `0.5.5`), and null or
 * unreadable text counts as 0.0.0. Negative, zero or positive, like a sort function. @see protocol 05 §6.1
 */
export function compareVersions(a: string | null, b: string | null): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** How the platform and an instance of some version encrypt what they exchange. @see protocol 04 §6.3 */
export type CipherGeneration = "plain" | "aes-cbc" | "aes-gcm" | "chacha";

/** Cipher generation of an instance's runtime version. @see protocol 04 §6.3 */
export function cipherGeneration(version: string | null): CipherGeneration {
  if (compareVersions(version, "0.5.5") >= 0) return "chacha";
  if (compareVersions(version, "0.5.1") >= 0) return "aes-gcm";
  return compareVersions(version, "0.2.0") >= 0 ? "aes-cbc" : "plain";
}

function numbersOf(version: string | null): [number, number, number] {
  const [, major = "0", minor = "0", patch = "0"] = LEADING_NUMBERS.exec(version ?? "") ?? [];
  return [Number(major), Number(minor), Number(patch)];
}
