import { expect, test } from "vitest";
import { PaceMeter } from "../../../web/app/pace-meter.js";

test("before the first piece there is no pace", () => expect(new PaceMeter(0).pace()).toBeUndefined());

test("the wait for the first token does not slow the pace down", () => {
  const meter = new PaceMeter(1000);
  for (const at of [3000, 3100, 3200, 3300]) meter.piece(at);
  expect(meter.pace()).toEqual({ tokens: 4, tokensPerSecond: 10, firstTokenMs: 2000 });
});

test("what the engine counted is better than the number of pieces", () => {
  const meter = new PaceMeter(0);
  meter.piece(100);
  meter.piece(1100);
  meter.counted(21);
  expect(meter.pace()).toMatchObject({ tokens: 21, tokensPerSecond: 20 });
});

test("an answer in one piece has no pace to speak of", () => {
  const meter = new PaceMeter(0);
  meter.piece(50);
  expect(meter.pace()?.tokensPerSecond).toBe(0);
});
