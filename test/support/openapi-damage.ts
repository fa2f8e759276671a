import fc from "fast-check";

/** Values that no field expects. A text that starts with the mark stands in the JSON as it is, without quotes. */
const RAW = "@raw:";
const WILD_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  256,
  "",
  " ",
  "x",
  "\u0000",
  "a\nb",
  "\ud800",
  "𝔘ü".repeat(30),
  "5",
  "a".repeat(20_000),
  "__none__",
  "00000000-0000-0000-0000-000000000000",
  [],
  {},
  [null],
  [[[[]]]],
  { a: { b: { c: [1] } } },
  `${RAW}18446744073709551615`,
  `${RAW}-9223372036854775809`,
  `${RAW}1e999`,
  `${RAW}-0`,
  `${RAW}0.1e-400`,
  `${RAW}${"1".repeat(400)}`,
  `${RAW}NaN`,
  `${RAW}Infinity`,
  `${RAW}${"[".repeat(2000)}${"]".repeat(2000)}`,
];

const WHOLE_BODIES: readonly Buffer[] = [
  "",
  "null",
  "[]",
  '"text"',
  "1",
  "{",
  "{}}",
  "{'a':1}",
  "\ufeff{}",
  '{"a":1,"a":2}',
  "[".repeat(20_000),
  `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`,
  '{"__proto__":{"admin":true},"constructor":{"prototype":1}}',
].map((text) => Buffer.from(text));
const BINARY_BODIES: readonly Buffer[] = [
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.alloc(100),
  Buffer.from('{"name":"a\u0000b"}'),
];

/** The seed's bytes: as they are, with one or two members changed, or something else altogether. */
export function damagedJson(seed: unknown): fc.Arbitrary<Buffer> {
  const paths = pathsOf(seed);
  const change = fc.record({
    path: fc.constantFrom(...(paths.length === 0 ? [[]] : paths)),
    how: fc.constantFrom("set", "set", "set", "drop", "add", "twice"),
    value: fc.constantFrom(...WILD_VALUES),
  });
  const changed = fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
    const value: unknown = structuredClone(seed);
    const isTwice = changes.some(({ how }) => how === "twice");
    for (const one of changes) apply(value, one);
    const text = toText(value);
    return Buffer.from(isTwice ? text.replace("{", '{"name":"first","amount":1,') : text);
  });
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(Buffer.from(JSON.stringify(seed))) },
    { weight: 6, arbitrary: changed },
    { weight: 1, arbitrary: fc.constantFrom(...WHOLE_BODIES, ...BINARY_BODIES) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)) },
  );
}

type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [[...at, key], ...pathsOf(member, [...at, key])]);
}

function apply(root: unknown, { path, how, value }: { path: Path; how: string; value: unknown }): void {
  const last = path.at(-1);
  const parent = path.slice(0, -1).reduce<unknown>((node, key) => member(node, key), root);
  if (typeof parent !== "object" || parent === null || last === undefined) return;
  const target = parent as Record<string | number, unknown>;
  if (how === "drop") delete target[last];
  else if (how === "add") target["unknown_member"] = structuredClone(value);
  else target[last] = structuredClone(value);
}

function member(node: unknown, key: string | number): unknown {
  return typeof node === "object" && node !== null ? (node as Record<string | number, unknown>)[key] : undefined;
}

function toText(value: unknown): string {
  return JSON.stringify(value).replaceAll(new RegExp(`"${RAW}([^"]*)"`, "g"), "$1");
}

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEUlEQVR4nGP4z8AARGDiPwMAHfAD/aAzCYkAAAAASUVORK5CYII=",
  "base64",
);
const BOUNDARY = "0123456789abcdef";
const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

/** Multipart bodies, from right to rubbish. */
export const FORMS: readonly { readonly bytes: Buffer; readonly type: string }[] = [
  { bytes: form([filePart("logo", "logo.png", PNG)]), type: FORM_TYPE },
  { bytes: form([filePart("logo", "logo.png", PNG), filePart("logo", "logo.png", PNG)]), type: FORM_TYPE },
  { bytes: form([filePart("other", "x.png", PNG)]), type: FORM_TYPE },
  {
    bytes: form([filePart("logo", "logo.svg", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"))]),
    type: FORM_TYPE,
  },
  { bytes: form([filePart("logo", "logo.png", Buffer.from("text"))]), type: FORM_TYPE },
  { bytes: form([filePart("logo", "logo.png", PNG.subarray(0, 40))]), type: FORM_TYPE },
  { bytes: form([filePart("logo", "", Buffer.alloc(0))]), type: FORM_TYPE },
  { bytes: form([Buffer.from('Content-Disposition: form-data; name="logo"\r\n\r\ntext')]), type: FORM_TYPE },
  { bytes: Buffer.from(`--${BOUNDARY}--\r\n`), type: FORM_TYPE },
  { bytes: Buffer.from(`--${BOUNDARY}\r\n`), type: FORM_TYPE },
  { bytes: Buffer.from("no form"), type: FORM_TYPE },
  { bytes: Buffer.alloc(0), type: FORM_TYPE },
  { bytes: form([filePart("logo", "logo.png", PNG)]), type: "multipart/form-data" },
  { bytes: form([filePart("logo", "logo.png", PNG)]), type: 'multipart/form-data; boundary="' },
  { bytes: form([filePart("logo", "logo.png", PNG)]), type: "application/json" },
];

function filePart(name: string, filename: string, bytes: Buffer): Buffer {
  const head = `Content-Type: image/png\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

function form(parts: readonly Buffer[]): Buffer {
  const framed = parts.flatMap((part) => [Buffer.from(`--${BOUNDARY}\r\n`), part, Buffer.from("\r\n")]);
  return Buffer.concat([...framed, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}
