import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { expect, test } from "vitest";
import { csvLine, pythonFloat } from "../../../src/wire/csv.js";

test("fields are quoted only when they must be", () => {
  const fields = ["a", "b c", "d,e", 'f"g', "h\ni", "j\rk", "", " lead", "{'a': 1}", "{'a': 1, 'b': 2}", "é"];
  expect(csvLine(fields)).toBe(`a,b c,"d,e","f""g","h\ni","j\rk",, lead,{'a': 1},"{'a': 1, 'b': 2}",é\r\n`);
});

test("an independent reader gets every field back", () => {
  const row = fc.array(fc.string({ unit: "binary" }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
      const text = rows.map((fields) => csvLine(fields)).join("");
      const read: unknown = parse(text, { record_delimiter: "\r\n", relax_column_count: true, bom: false });
      expect(read).toEqual(rows);
    }),
  );
});

test.each([
  [0, "0.0"],
  [-0, "-0.0"],
  [4, "4.0"],
  [-2.5, "-2.5"],
  [0.1, "0.1"],
  [1e-4, "0.0001"],
  [0.00012345, "0.00012345"],
  [1e-5, "1e-05"],
  [9.999e-5, "9.999e-05"],
  [1e-7, "1e-07"],
  [1.5e-7, "1.5e-07"],
  [0.05555555555555555, "0.05555555555555555"],
  [1e15, "1000000000000000.0"],
  [9999999999999998, "9999999999999998.0"],
  [1e16, "1e+16"],
  [1.2345e16, "1.2345e+16"],
  [123456789012345680, "1.2345678901234568e+17"],
  [1e22, "1e+22"],
  [1.7976931348623157e308, "1.7976931348623157e+308"],
  [5e-324, "5e-324"],
  [Number.NaN, "nan"],
  [Number.NEGATIVE_INFINITY, "-inf"],
])("%d is written %s", (value, text) => {
  expect(pythonFloat(value)).toBe(text);
});

test("a float reads back as itself and is never mistaken for an integer", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Number(pythonFloat(value))).toBe(value);
      expect(pythonFloat(value)).toMatch(/[.e]/);
    }),
  );
});
