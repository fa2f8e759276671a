import fc from "fast-check";
import { expect, test } from "vitest";
import { numberIn, timeOf } from "../../../../../src/operator/verify/csv/csv-fields.js";
import { pythonFloat } from "../../../../../src/wire/csv.js";
import { csvTimestamp } from "../../../../../src/wire/timestamps.js";

const number = (text: string) => {
  const bytes = Buffer.from(`x${text}y`);
  return numberIn(bytes, 1, bytes.length - 1);
};

test("numbers read back as the same double that was written", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(number(pythonFloat(value))).toBe(value);
      expect(number(String(value))).toBe(value + 0);
    }),
    { numRuns: 2000 },
  );
});

test.each(["", "-", ".", "abc", "1e999", "nan", "inf", "Infinity", "0x10", " 1", "1 ", "1_000", "--1", "1.2.3", "+"])(
  "%j is not a number",
  (text) => expect(number(text)).toBeNaN(),
);

test.each([
  ["0.05555555555555555", 0.05555555555555555],
  ["1e-07", 1e-7],
  ["-2.50", -2.5],
  ["123456789012345678", 123456789012345680],
  ["+7", 7],
  ["5.", 5],
])("%s", (text, value) => expect(number(text)).toBe(value));

const at = (iso: string) => Date.parse(iso) * 1000;

test("timestamps read back to the microsecond, in both forms", () => {
  const dates = fc.date({ min: new Date("1970-01-01"), max: new Date("2100-12-31"), noInvalidDate: true });
  fc.assert(
    fc.property(dates, fc.integer({ min: 0, max: 999 }), (date, micros) => {
      const digits = String(date.getUTCMilliseconds() * 1000 + micros).padStart(6, "0");
      const text = `${date.toISOString().slice(0, 19)}.${digits}`;
      expect(timeOf(text)).toBe(date.getTime() * 1000 + micros);
      expect(timeOf(csvTimestamp(date))).toBe(date.getTime() * 1000);
    }),
  );
});

test.each([
  ["2026-01-07 14:00:00", at("2026-01-07T14:00:00Z")],
  ["2026-01-07T14:00:00Z", at("2026-01-07T14:00:00Z")],
  ["2026-01-07 14:00:00.5", at("2026-01-07T14:00:00.5Z")],
  ["2026-01-07 14:00:00.123456789", at("2026-01-07T14:00:00.123Z") + 456],
  ["2026-01-07 14:00:00+00:00", at("2026-01-07T14:00:00Z")],
  ["2026-01-07 14:00:00.25-05:30", at("2026-01-07T19:30:00.25Z")],
  ["2026-01-07 14:00:00+02", at("2026-01-07T12:00:00Z")],
  ["2024-02-29 00:00:00", at("2024-02-29T00:00:00Z")],
])("%s", (text, us) => expect(timeOf(text)).toBe(us));

test.each([
  "",
  "2026-01-07",
  "2026-02-29 00:00:00",
  "2026-13-01 00:00:00",
  "2026-00-01 00:00:00",
  "2026-01-00 00:00:00",
  "2026-04-31 00:00:00",
  "2026-01-07 24:00:00",
  "2026-01-07 14:60:00",
  "2026-01-07x14:00:00",
  "2026-01-07 14:00:00.",
  "2026-01-07 14:00:00.1234567890",
  "2026-01-07 14:00:00 UTC",
  "2026-01-07 14:00:00Zjunk",
  "2026/01/07 14:00:00",
])("%j is not a time", (text) => expect(timeOf(text)).toBeNaN());
