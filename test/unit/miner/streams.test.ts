import fc from "fast-check";
import { expect, test } from "vitest";
import { lineRecords } from "../../../src/miner/line-records.js";
import { LineSplitter } from "../../../src/miner/line-splitter.js";

const text = (lines: readonly Uint8Array[]) => lines.map((line) => Buffer.from(line).toString("utf8"));

test("lines keep their newline, wherever the chunks were cut", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.nat(9), { minLength: 1 }), (parts, sizes) => {
      const whole = Buffer.from(parts.join("\n"), "utf8");
      const splitter = new LineSplitter();
      const lines: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < whole.length; turn++) {
        const size = (sizes[turn % sizes.length] ?? 0) + 1;
        lines.push(...splitter.push(whole.subarray(at, at + size)));
        at += size;
      }
      const rest = splitter.rest();
      expect(text(lines).every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
      expect(Buffer.concat([...lines, ...rest])).toEqual(whole);
    }),
  );
});

test("a line that never ends is refused", () => {
  const splitter = new LineSplitter();
  const chunk = new Uint8Array(48 * 1024 * 1024);
  splitter.push(chunk);
  expect(() => splitter.push(chunk)).toThrow(/64 MiB/);
});

test("05 §4: records are lines, an empty answer is no news, the marker is an empty list", () => {
  expect(lineRecords('data: {"a":12345678901234567890}\n\ndata: {"a":2}\n\n')).toEqual([
    { a: 12_345_678_901_234_567_890n },
    { a: 2 },
  ]);
  expect(lineRecords("")).toBeUndefined();
  expect(lineRecords(": comment\n\n")).toBeUndefined();
  expect(lineRecords("data: NO_ITEMS\n")).toEqual([]);
  expect(() => lineRecords('data: {"a":1}\n\ndata: {"a":')).toThrow(/broken record/);
});
