import { createHash } from "node:crypto";

const SMALLEST_SIZE = 1024;

/** Hash of the first `size` characters of a prompt. */
export interface PrefixHash {
  readonly size: number;
  /** MD5, 32 hex digits. */
  readonly md5: string;
}

/**
 * Hashes of a prompt's prefixes of 1024, 2048, 4096… characters, longest first; none for short prompts and for prompts that
 * are not text. Sizes count Unicode characters. @see protocol 04 §5.4
 */
export function promptPrefixHashes(body: unknown): PrefixHash[] {
  const prompt = promptText(body);
  if (prompt === undefined || prompt.length <= SMALLEST_SIZE) return [];
  const hashes: PrefixHash[] = [];
  const hash = createHash("md5");
  let size = SMALLEST_SIZE;
  let from = 0;
  for (let to = after(prompt, from, size); to < prompt.length; to = after(prompt, from, size / 2)) {
    hash.update(prompt.slice(from, to), "utf8");
    hashes.unshift({ size, md5: hash.copy().digest("hex") });
    from = to;
    size *= 2;
  }
  return hashes;
}

function promptText(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  if ("prompt" in body && typeof body.prompt === "string") return body.prompt;
  if (!("messages" in body) || !Array.isArray(body.messages)) return undefined;
  const contents: unknown[] = body.messages.map((message: unknown) => Object(message).content);
  return contents.every((content) => typeof content === "string") ? contents.join("") : undefined;
}

/** Index in UTF-16 units that lies `count` Unicode characters after `from`. */
function after(text: string, from: number, count: number): number {
  let at = from;
  for (let left = count; left > 0 && at < text.length; left--) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return at;
}
