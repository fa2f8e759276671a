import pLimit from "p-limit";
import type { Sharp } from "sharp";
import { AppError } from "../../kernel/errors.js";
import { rasterFormat } from "./sniff.js";

/** Edge of a logo in pixels. */
const EDGE = 512;
const QUALITY = 85;
/** Pictures with more pixels are refused from their header alone. */
const MAX_PIXELS = 40_000_000;
/** Pictures decoded at once: each may hold its pixels several times over. */
const AT_ONCE = 2;
const MAX_WAITING = 16;
const TIMEOUT_SECONDS = 15;

/** Turns pictures that strangers sent into logos. */
export interface LogoCodec {
  /**
   * A 512 × 512 WebP of the middle of the picture's first frame, upright, on white, without metadata.
   * @throws AppError `invalid` for what is no PNG, JPEG, GIF, WebP or AVIF, is broken, or has more than 40 megapixels;
   * `unavailable` when too many wait or one takes too long
   * @see protocol 02 §10.1
   */
  toLogo(bytes: Uint8Array): Promise<Buffer>;
}

/** Opens a codec that decodes two pictures at a time, each on one thread. */
export function openLogoCodec(): LogoCodec {
  const limit = pLimit(AT_ONCE);
  return {
    async toLogo(bytes) {
      const format = rasterFormat(bytes);
      if (format === undefined)
        throw new AppError("invalid", "The logo is not a PNG, JPEG, GIF, WebP or AVIF picture.");
      if (limit.pendingCount >= MAX_WAITING)
        throw new AppError("unavailable", "Too many logos are being converted, try again.", {
          headers: { "retry-after": "5" },
        });
      return limit(() => convert(bytes));
    },
  };
}

async function convert(bytes: Uint8Array): Promise<Buffer> {
  const picture = await open(bytes);
  await requireSize(picture);
  try {
    return await picture
      .timeout({ seconds: TIMEOUT_SECONDS })
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .resize(EDGE, EDGE, { fit: "cover", position: "centre", kernel: "lanczos3" })
      .toColourspace("srgb")
      .webp({ quality: QUALITY })
      .toBuffer();
  } catch (cause) {
    if (cause instanceof Error && /timeout/i.test(cause.message))
      throw new AppError("unavailable", "The logo takes too long to convert.", { cause });
    throw undecodable(cause);
  }
}

/** Only the decoders of the named formats stay open to it: a picture cannot pull in a document renderer. */
async function open(bytes: Uint8Array): Promise<Sharp> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: DECODERS });
  return sharp(bytes, { limitInputPixels: MAX_PIXELS, sequentialRead: true, failOn: "error", pages: 1 });
}

const DECODERS = [
  "VipsForeignLoadPngBuffer",
  "VipsForeignLoadJpegBuffer",
  "VipsForeignLoadNsgifBuffer",
  "VipsForeignLoadWebpBuffer",
  "VipsForeignLoadHeifBuffer",
];

/** Reads the header only, before a pixel is decoded. */
async function requireSize(picture: Sharp): Promise<void> {
  const { width, height } = await picture.metadata().catch((cause: unknown) => {
    throw undecodable(cause);
  });
  if (width * height > MAX_PIXELS)
    throw new AppError("invalid", `The logo has ${width} × ${height} pixels; at most ${MAX_PIXELS / 1e6} megapixels.`);
}

function undecodable(cause: unknown): AppError {
  return new AppError("invalid", "The logo cannot be decoded, or has more than 40 megapixels.", { cause });
}
