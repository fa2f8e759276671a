const FIRST_SLOTS = 1024;
const MAX_ENTRIES = 1 << 20;

/** Gives the same string object for the same bytes, so that a column with few distinct values costs no allocation per
 *  row and its strings hash once. Beyond a million values it stops remembering. */
export class ByteInterner {
  #keys: (Buffer | undefined)[] = new Array(FIRST_SLOTS);
  #texts: string[] = new Array(FIRST_SLOTS);
  #size = 0;

  textOf(bytes: Buffer, start: number, end: number): string {
    let slot = hashOf(bytes, start, end) & (this.#keys.length - 1);
    for (;;) {
      const key = this.#keys[slot];
      if (key === undefined) return this.#remember(slot, bytes.subarray(start, end));
      if (isSame(key, bytes, { start, end })) return this.#texts[slot] ?? "";
      slot = (slot + 1) & (this.#keys.length - 1);
    }
  }

  #remember(slot: number, bytes: Buffer): string {
    const text = bytes.toString("utf8");
    if (this.#size >= MAX_ENTRIES) return text;
    this.#keys[slot] = Buffer.from(bytes);
    this.#texts[slot] = text;
    this.#size += 1;
    if (this.#size * 2 > this.#keys.length) this.#grow();
    return text;
  }

  #grow(): void {
    const old = this.#keys;
    const texts = this.#texts;
    this.#keys = new Array(old.length * 2);
    this.#texts = new Array(old.length * 2);
    for (const [index, key] of old.entries()) {
      if (key === undefined) continue;
      let slot = hashOf(key, 0, key.length) & (this.#keys.length - 1);
      while (this.#keys[slot] !== undefined) slot = (slot + 1) & (this.#keys.length - 1);
      this.#keys[slot] = key;
      this.#texts[slot] = texts[index] ?? "";
    }
  }
}

/** Of the last 12 bytes: in keys and ids the end differs most. */
export function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let at = Math.max(start, end - 12); at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 16_777_619);
  return hash ^ (hash >>> 15);
}

function isSame(key: Buffer, bytes: Buffer, range: { start: number; end: number }): boolean {
  const length = range.end - range.start;
  if (key.length !== length) return false;
  for (let index = 0; index < length; index += 1) {
    if (key[index] !== bytes[range.start + index]) return false;
  }
  return true;
}
