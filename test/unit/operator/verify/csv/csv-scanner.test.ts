import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { expect, test } from "vitest";
import { scanCsv } from "../../../../../src/operator/verify/csv/csv-scanner.js";
import { temporaryDir } from "../../../../fakes/export-world.js";

interface Seen {
  readonly fields: string[];
  readonly malformed: boolean;
}

async function scan(content: string | Buffer): Promise<Seen[]> {
  await using dir = await temporaryDir();
  const path = await dir.write("x.csv", content);
  const seen: Seen[] = [];
  const { bytes, records } = await scanCsv(
    path,
    ({ buffer, count, starts, ends, escaped, malformed }) => {
      const fields = Array.from({ length: count }, (_, index) => {
        const text = buffer.toString("utf8", starts[index], ends[index]);
        return escaped[index] === 1 ? text.replaceAll('""', '"') : text;
      });
      seen.push({ fields, malformed });
    },
    new AbortController().signal,
  );
  expect(bytes).toBe(Buffer.byteLength(content));
  expect(records).toBe(seen.length);
  return seen;
}

const fieldsOf = async (content: string) => (await scan(content)).map(({ fields }) => fields);

test.each([
  [
    "LF and CRLF",
    "a,b\n1,2\r\n3,4\n",
    [
      ["a", "b"],
      ["1", "2"],
      ["3", "4"],
    ],
  ],
  [
    "no line end at the end",
    "a,b\r\n1,2",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  [
    "an empty last field",
    "a,b\r\n1,\r\n",
    [
      ["a", "b"],
      ["1", ""],
    ],
  ],
  [
    "an empty last field at the end",
    "a,b\n1,",
    [
      ["a", "b"],
      ["1", ""],
    ],
  ],
  ["blank lines", "a\r\n\r\n1\n\n", [["a"], ["1"]]],
  [
    "quoted commas and line breaks",
    'a,"b\r\nc, d"\n"1",2\n',
    [
      ["a", "b\r\nc, d"],
      ["1", "2"],
    ],
  ],
  ["doubled quotes", 'a,"say ""hi"""\n', [["a", 'say "hi"']]],
  ["an empty quoted field", '"",x\n""\n', [["", "x"], [""]]],
  ["a quote inside a plain field", 'a"b,c\n', [['a"b', "c"]]],
  ["nothing at all", "", []],
])("%s", async (_, content, expected) => {
  const blank = expected.filter((fields) => fields.length !== 1 || fields[0] !== "");
  expect((await fieldsOf(content)).filter((fields) => fields.length !== 1 || fields[0] !== "")).toEqual(blank);
});

test.each([
  ["text after a closing quote", '"a"b,c\n'],
  ["a quote that never closes", 'x,"abc\nd,e\n'],
  ["more than 64 fields", `${Array(70).fill("x").join(",")}\n`],
])("%s is malformed", async (_, content) => {
  expect((await scan(content)).at(-1)?.malformed).toBe(true);
});

test("records that straddle the chunks of a large file read as a plain parser reads them", async () => {
  const field = fc
    .string({ unit: fc.constantFrom("a", "é", ",", '"', "\n", "\r\n", " ", "'"), maxLength: 40 })
    .map((text) => text.repeat(100));
  const table = fc.array(fc.array(field, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(table, fc.constantFrom("\n", "\r\n"), async (rows, lineEnd) => {
      const line = (fields: string[]) => fields.map((text) => `"${text.replaceAll('"', '""')}"`).join(",") + lineEnd;
      const block = rows.map(line).join("");
      const content = block.repeat(Math.ceil((4.4 * 2 ** 20) / Buffer.byteLength(block)));
      const expected = parse(content, { relax_column_count: true }) as string[][];
      const seen = await scan(content);
      expect(seen.length).toBe(expected.length);
      expect(seen.every(({ malformed }) => !malformed)).toBe(true);
      const differing = seen.findIndex(({ fields }, index) => fields.join("|") !== expected[index]?.join("|"));
      expect(differing).toBe(-1);
    }),
    { numRuns: 4 },
  );
}, 30_000);

test("a record without an end does not fill the memory", async () => {
  const seen = await scan(Buffer.concat([Buffer.from("a,b\n1,2\n"), Buffer.alloc(12 << 20, 65)]));
  expect(seen.map(({ malformed }) => malformed)).toEqual([false, false, true]);
});

test("the signal stops a scan", async () => {
  await using dir = await temporaryDir();
  const path = await dir.write("x.csv", "a,b\n");
  await expect(scanCsv(path, () => undefined, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
});
