const BLOCK = 8;
const START = "ffd8";
/** Quantisation table 0: all ones. */
const QUANTISATION = `ffdb004300${"01".repeat(64)}`;
/** One code of one bit each: "no difference" for DC (table 00), "end of block" for AC (table 10). */
const HUFFMAN = `ffc4001400${"01".padEnd(32, "0")}00ffc4001410${"01".padEnd(32, "0")}00`;
const SCAN = "ffda0008010100003f00";
const END = "ffd9";

/** A valid baseline JPEG, evenly grey, of the given size in pixels (1…65535): two zero bits for every 8×8 block. */
export function greyJpeg(width: number, height: number): Buffer {
  const blocks = Math.ceil(width / BLOCK) * Math.ceil(height / BLOCK);
  const size = height.toString(16).padStart(4, "0") + width.toString(16).padStart(4, "0");
  const frame = `ffc0000b08${size}01011100`;
  const head = Buffer.from(START + QUANTISATION + frame + HUFFMAN + SCAN, "hex");
  const usedBits = (blocks * 2) % 8;
  const padding = usedBits === 0 ? [] : [0xff >> usedBits];
  return Buffer.concat([head, Buffer.alloc((blocks * 2) >> 3), Uint8Array.from(padding), Buffer.from(END, "hex")]);
}
