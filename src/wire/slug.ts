import { randomInt } from "node:crypto";

const SLUG_LENGTH = 58;
/** A DNS label has 63 characters; the suffix takes six. */
const SUFFIXED_LENGTH = 57;
const SUFFIX_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Host labels that belong to the platform. @see protocol 03 §4 */
export const RESERVED_LABELS: ReadonlySet<string> = new Set([
  "api",
  "embed",
  "events",
  "image",
  "llm",
  "logos",
  "registry",
  "socket",
  "ws",
  "www",
]);

/** Letters that Unicode does not decompose into ASCII plus marks. */
const TRANSLITERATION: Readonly<Record<string, string>> = {
  "’": "'",
  "‘": "'",
  ß: "ss",
  æ: "ae",
  ð: "d",
  ø: "o",
  þ: "th",
  đ: "d",
  ħ: "h",
  ı: "i",
  ł: "l",
  œ: "oe",
};

/**
 * Subdomain of a chute, 1…58 characters of `[a-z0-9-]`. Uniqueness and reserved labels are the caller's: see `slugWithSuffix`.
 * @see protocol 03 §4
 */
export function slugOf(username: string, name: string): string {
  const dashed = toAscii(`${username}-${name}`)
    .replaceAll("'", "")
    .replace(/(?<=\d),(?=\d)/g, "")
    .replace(/[^a-z0-9]+/g, "-");
  return clip(dashed, SLUG_LENGTH) || "chute";
}

/** Slug to try when the first one is taken or reserved; at most 63 characters. @see protocol 03 §4 */
export function slugWithSuffix(slug: string, suffix: string): string {
  return `${clip(slug, SUFFIXED_LENGTH)}-${suffix}`;
}

/** Five random characters of `[a-z0-9]`. `random` draws an integer in [0, below). */
export function slugSuffix(random: (below: number) => number = (below) => randomInt(below)): string {
  return Array.from({ length: 5 }, () => SUFFIX_LETTERS.charAt(random(SUFFIX_LETTERS.length))).join("");
}

function toAscii(text: string): string {
  const plain = text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
  return [...plain].map((letter) => TRANSLITERATION[letter] ?? letter).join("");
}

function clip(dashed: string, length: number): string {
  return dashed.replace(/^-+/, "").slice(0, length).replace(/-+$/, "");
}
