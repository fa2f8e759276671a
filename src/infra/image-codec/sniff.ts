/** Raster formats that are decoded. */
export type RasterFormat = "png" | "jpeg" | "gif" | "webp" | "avif";

/** What the first bytes say a picture is; names and content types may lie. Undefined for anything else, SVG included. */
export function rasterFormat(bytes: Uint8Array): RasterFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEAD_BYTES)).toString("latin1");
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "webp";
  if (head.slice(4, 8) === "ftyp" && /avif|avis/.test(head.slice(8))) return "avif";
  return undefined;
}

/** Enough for every mark above. */
const HEAD_BYTES = 32;
