/** SCALE encoding by hand, so that what the client's library decodes was not written by the same library. */

/** Little-endian integer of a fixed width. */
export function int(value: number | bigint, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let rest = BigInt(value);
  for (let index = 0; index < sizeBytes; index += 1, rest >>= 8n) bytes.writeUInt8(Number(rest & 0xffn), index);
  return bytes;
}

export const u8 = (value: number) => int(value, 1);
export const u16 = (value: number) => int(value, 2);
export const u32 = (value: number) => int(value, 4);
export const u64 = (value: number | bigint) => int(value, 8);
export const u128 = (value: number | bigint) => int(value, 16);
export const bool = (value: boolean) => u8(value ? 1 : 0);

export function compact(value: number | bigint): Buffer {
  const number = BigInt(value);
  if (number < 1n << 6n) return int(number << 2n, 1);
  if (number < 1n << 14n) return int((number << 2n) | 1n, 2);
  if (number < 1n << 30n) return int((number << 2n) | 2n, 4);
  const sizeBytes = Math.max(4, Math.ceil(number.toString(16).length / 2));
  return Buffer.concat([u8(((sizeBytes - 4) << 2) | 3), int(number, sizeBytes)]);
}

export function list(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat([compact(items.length), ...items]);
}

export function bytes(content: Uint8Array): Buffer {
  return Buffer.concat([compact(content.length), content]);
}

export function text(content: string): Buffer {
  return bytes(Buffer.from(content, "utf8"));
}

export function option(content: Uint8Array | undefined): Buffer {
  return content === undefined ? u8(0) : Buffer.concat([u8(1), content]);
}

export function hex(content: Uint8Array): string {
  return `0x${Buffer.from(content).toString("hex")}`;
}

export function unhex(content: string): Buffer {
  return Buffer.from(content.replace(/^0x/, ""), "hex");
}

/** Value and size of the compact integer at the start of `data`. */
export function readCompact(data: Buffer): { value: number; sizeBytes: number } {
  const mode = data.readUInt8(0) & 3;
  const sizeBytes = [1, 2, 4][mode];
  if (sizeBytes === undefined) throw new Error("a compact integer beyond 2^30 is not read here");
  return { value: data.readUIntLE(0, sizeBytes) >>> 2, sizeBytes };
}
