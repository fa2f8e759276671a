import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { openLogoCodec } from "../../../src/infra/image-codec/logo-codec.js";
import { png } from "../../support/pictures.js";

type Rgb = [number, number, number];

/** A picture whose left half is one colour and whose right half another. */
async function halves(width: number, height: number, [left, right]: [Rgb, Rgb]) {
  const pixels = Buffer.alloc(width * height * 3);
  for (let at = 0; at < width * height; at += 1) pixels.set(at % width < width / 2 ? left : right, at * 3);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

async function pixelAt(picture: Buffer, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray((y * info.width + x) * info.channels, (y * info.width + x) * info.channels + 3)];
}

const RED: Rgb = [255, 0, 0];
const BLUE: Rgb = [0, 0, 255];
const near = (rgb: Rgb) => rgb.map((value) => expect.closeTo(value, -1.3));

describe("a logo", () => {
  test.each(["png", "jpeg", "gif", "webp", "avif"] as const)("is made of %s", async (format) => {
    const source = await (await halves(64, 48, [RED, BLUE])).toFormat(format).toBuffer();
    const logo = await openLogoCodec().toLogo(source);
    expect(await sharp(logo).metadata()).toMatchObject({ format: "webp", width: 512, height: 512, hasAlpha: false });
    expect(await pixelAt(logo, 100, 256)).toEqual(near(RED));
    expect(await pixelAt(logo, 400, 256)).toEqual(near(BLUE));
  });

  test("is the middle of a wide picture", async () => {
    const wide = Buffer.alloc(300 * 100 * 3, Buffer.from(RED));
    for (let y = 0; y < 100; y += 1) for (let x = 100; x < 200; x += 1) wide.set(BLUE, (y * 300 + x) * 3);
    const source = await sharp(wide, { raw: { width: 300, height: 100, channels: 3 } })
      .png()
      .toBuffer();
    const logo = await openLogoCodec().toLogo(source);
    for (const x of [20, 256, 490]) expect(await pixelAt(logo, x, 256)).toEqual(near(BLUE));
  });

  test("stands upright and has lost what the camera wrote into it", async () => {
    const turned = await (await halves(100, 100, [RED, BLUE]))
      .withExif({ IFD0: { Copyright: "me" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const logo = await openLogoCodec().toLogo(turned);
    expect(await pixelAt(logo, 256, 100)).toEqual(near(RED));
    expect(await pixelAt(logo, 256, 400)).toEqual(near(BLUE));
    const { exif, orientation } = await sharp(logo).metadata();
    expect({ exif, orientation }).toEqual({ exif: undefined, orientation: undefined });
  });

  test("is the first picture of an animation", async () => {
    const frames = await Promise.all(
      [RED, BLUE].map(async (color) => (await halves(32, 32, [color, color])).png().toBuffer()),
    );
    const animation = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    expect((await sharp(animation, { pages: -1 }).metadata()).pages).toBe(2);
    expect(await pixelAt(await openLogoCodec().toLogo(animation), 256, 256)).toEqual(near(RED));
  });
});

describe("refused as invalid is", () => {
  const refused = (bytes: Buffer) => expect(openLogoCodec().toLogo(bytes)).rejects.toMatchObject({ kind: "invalid" });

  test("a drawing, a document, text and nothing", async () => {
    await refused(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'));
    await refused(Buffer.from("%PDF-1.7\n"));
    await refused(Buffer.from("II*\0"));
    await refused(Buffer.alloc(0));
  });

  test("a picture that is cut off, or holds fewer rows than it says", async () => {
    const whole = await png({ width: 500, height: 500, rgba: [9, 9, 9, 255] });
    await refused(whole.subarray(0, 60));
    await refused(await png({ width: 500, height: 500, rgba: [9, 9, 9, 255], rows: 100 }));
  });

  test("a header that claims more pixels than it may, even when nothing follows", async () => {
    await refused(await png({ width: 6325, height: 6325, rgba: [0, 0, 0, 0], rows: 0 }));
  });
});

test("when too many wait, the next is asked to come back", async () => {
  const codec = openLogoCodec();
  const source = await (await halves(64, 64, [RED, BLUE])).png().toBuffer();
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => codec.toLogo(source)));
  const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  expect(refused).toHaveLength(12);
  expect(refused[0]).toMatchObject({ kind: "unavailable", headers: { "retry-after": "5" } });
});
