import fc from "fast-check";
import { expect, test } from "vitest";
import { csvOffsetTimestamp, csvTimestamp, naiveIso, offsetIso, zuluIso } from "../../../src/wire/timestamps.js";

const NOON = new Date("2025-10-01T12:00:00.123Z");

test("each form of one moment", () => {
  expect(naiveIso(NOON)).toBe("2025-10-01T12:00:00.123000");
  expect(naiveIso(NOON, 123456)).toBe("2025-10-01T12:00:00.123456");
  expect(naiveIso(NOON, 7)).toBe("2025-10-01T12:00:00.000007");
  expect(offsetIso(NOON)).toBe("2025-10-01T12:00:00.123000+00:00");
  expect(zuluIso(NOON)).toBe("2025-10-01T12:00:00.123000Z");
  expect(csvTimestamp(NOON)).toBe("2025-10-01 12:00:00.123000");
  expect(csvOffsetTimestamp(NOON)).toBe("2025-10-01 12:00:00.123000+00:00");
});

test.each([
  ["2026-01-07 14:00:00+00", "2026-01-07 14:00:00"],
  ["2026-01-07 14:00:00.123456+00", "2026-01-07 14:00:00.123456"],
  ["2026-01-07 14:00:00.12+00", "2026-01-07 14:00:00.120000"],
  ["2026-01-07T14:00:00.000Z", "2026-01-07 14:00:00"],
  ["2026-01-07T14:00:00.5", "2026-01-07 14:00:00.500000"],
  ["2026-01-07T14:00:00.000001+00:00", "2026-01-07 14:00:00.000001"],
])("database text %s is exported as %s", (text, expected) => {
  expect(csvTimestamp(text)).toBe(expected);
});

test.each(["", "infinity", "2026-01-07 14:00:00+02", "2026-01-07", "1767794400", "2026-01-07 14:00:00.1234567"])(
  "%j is no UTC timestamp",
  (text) => {
    expect(() => csvTimestamp(text)).toThrow(expect.objectContaining({ kind: "invalid" }));
  },
);

test("every form reads back as the same millisecond", () => {
  const moment = fc.date({ min: new Date("2000-01-01Z"), max: new Date("2100-01-01Z"), noInvalidDate: true });
  fc.assert(
    fc.property(moment, (date) => {
      for (const text of [
        `${naiveIso(date)}Z`,
        offsetIso(date),
        zuluIso(date),
        `${csvTimestamp(date)}Z`,
        csvOffsetTimestamp(date),
      ]) {
        expect(new Date(text)).toEqual(date);
      }
    }),
  );
});
