import { expect, test } from "vitest";
import { instantOf } from "../../../../src/services/api/instant.js";

test.each([
  ["2026-01-07", "2026-01-07T00:00:00.000Z"],
  ["2026-01-07T13:00:00", "2026-01-07T13:00:00.000Z"],
  ["2026-01-07 13:00", "2026-01-07T13:00:00.000Z"],
  ["2026-01-07T13:00:00z", "2026-01-07T13:00:00.000Z"],
  ["2026-01-07T13:00:00.123456+00:00", "2026-01-07T13:00:00.123Z"],
  ["2026-01-07T13:00:00 02:00", "2026-01-07T11:00:00.000Z"],
  ["2026-01-07T13:00:00-0530", "2026-01-07T18:30:00.000Z"],
])("%s is %s", (text, expected) => {
  expect(instantOf(text, "since")?.toISOString()).toBe(expected);
});

test("absent and empty are no time, anything else is refused by its name", () => {
  expect(instantOf(undefined, "since")).toBeUndefined();
  expect(instantOf("", "since")).toBeUndefined();
  for (const text of [
    "yesterday",
    "2026-13-01",
    "2026-02-31",
    "1767790800",
    "2026-01-07T25:00:00",
    "2026-01-07T13:00:00+99:99",
  ]) {
    expect(() => instantOf(text, "since"), text).toThrow("since is not an ISO date");
  }
});
