import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { crc32, createDeflate } from "node:zlib";

export interface PictureSpec {
  readonly width: number;
  readonly height: number;
  /** Of every pixel. */
  readonly rgba: readonly [number, number, number, number];
  /** Rows of pixels that it really holds; default all that it claims. */
  readonly rows?: number;
}

/** A PNG written without any library, row by row, so that a huge one costs little memory and a false one is possible. */
export async function png({ width, height, rgba, rows = height }: PictureSpec): Promise<Buffer> {
  const line = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 4, Buffer.from(rgba))]);
  const pixels = await buffer(Readable.from(repeat(line, rows)).pipe(createDeflate()));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

function* repeat(line: Buffer, times: number): Generator<Buffer> {
  for (let row = 0; row < times; row += 1) yield line;
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
