import { describe, expect, test } from "vitest";
import { pythonSyntaxError } from "../../../../src/domain/chutes/python-syntax.js";

const LF = "\n";

describe("code that some Python 3 accepts", () => {
  test.each<[title: string, code: string]>([
    ["nothing", ""],
    ["a byte order mark", "\ufeffx = 1\n"],
    ["Windows line ends", "def f():\r\n    return 1\r\n"],
    ["tabs", "if x:\n\ty = 1\n\tif y:\n\t\tz = 2\n"],
    ["no line break at the end", "def f(): pass"],
    [
      "match",
      "match point:\n    case {}:\n        pass\n    case Point(x=0) if ok: pass\n    case [1, *_] | (2, _):\n        pass\n",
    ],
    ["match with a tuple", "match a, b:\n    case 1, 2:\n        pass\n"],
    ["soft keywords as names", "match = case = type = 1\nmatch[0], type(x), case.y\nprint(match)\n"],
    ["type parameters", "def f[T: (int, str), *Ts, **P](x: T) -> T: ...\nclass A[T = int](B): ...\n"],
    ["type aliases", "type X[T] = list[T]\ntype Y = int | None\n"],
    ["nested quotes in f-strings", `x = f"{d["key"]!r:>{width}} {{}} {f"{1 + f"{2}"}"}"\n`],
    ["f-strings of old", 'x = f\'{d["a"]:%H:%M} {x:\\n}\'\ny = f"""{\n  a  # why\n}"""\n'],
    ["walrus", "if (n := len(a)) > 1: print(f'{(m := n)}')\n"],
    ["asynchronous comprehensions", "async def f():\n    return [x async for x in g() if await h(x)]\n"],
    ["any decorator", "@(lambda f: f)\n@a[0].b(c)\n@lambda f: f\ndef g(): pass\n"],
    ["print with a target", "print >> sys.stderr, 'hello'\n"],
    ["kinds of parameters", "def f(a, /, b, *, c=1, **d): pass\ng = lambda a, /, *, b: 0\nh = lambda *a, **k: 0\n"],
    ["several contexts in brackets", "with (open(a) as f, open(b) as (g, h),):\n    pass\n"],
    ["starred targets", "for a, *b in c: pass\n*x, y = z\nprint(*x, *y, **k)\nreturn_ = [*a, {**b}]\n"],
    ["except groups", "try:\n    pass\nexcept* (A, B) as e:\n    pass\n"],
    ["a bare yield", "def f():\n    x = yield\n    yield\n    y = (yield)\n    await g((yield))\n"],
    ["numbers", "x = 1. + .5 + 1_000.5e-3j + 0xFF + 1.e10\n"],
    ["continued lines", "x = 1 + \\\n    2\nif a and \\\n   b:\n    pass\n"],
    ["names of all languages", "größe = π = 名前 = 1\n"],
    ["a long chain", `x = ${Array.from({ length: 2000 }, (_, i) => `a(${i})`).join(" +\\\n")}\n`],
    ["a long choice", `x = ${"a if b else ".repeat(2000)}c\n`],
    ["slices of several dimensions", "y = a[:, ::-1] + a[..., :, None] + a[1::2, :][:, :] + a[lambda x, : x, :]\n"],
    ["a form feed", "x = 1\n\f\nclass A:\n    pass\n"],
  ])("%s", (_title, code) => {
    expect(pythonSyntaxError(code)).toBeUndefined();
  });
});

describe("code that no Python accepts", () => {
  test.each<[code: string, place: string, what: string]>([
    ["def (", "1:5", "never closed"],
    ["def (): pass\n", "1:5", "cannot stand here"],
    ["return = 1\n", "1:8", "`=` cannot stand here"],
    ["x = 1\ny = (1,\nz = 2\n", "2:5", "`(` is never closed"],
    ["x = [1, 2)\n", "1:10", "does not close `[`"],
    ["x = 1)\n", "1:6", "closes nothing"],
    ["x = 'abc\n", "1:5", "string is never closed"],
    ['x = """abc\n', "1:5", "string is never closed"],
    ['x = f"{a\ny = 1\n', "1:5", "string is never closed"],
    ["if x:\npass\n", "2:1", "indented block is missing"],
    ["if x:\n", "2:1", "indented block is missing"],
    ["x = 1\n  y = 2\n", "2:3", "unexpected indent"],
    ["if x:\n    y = 1\n  z = 2\n", "3:3", "indented like no block"],
    ["x = 1 +\n", "1:8", "ends too early"],
    ["class A\n    pass\n", "2:5", "unexpected indent"],
    ["class A\npass\n", "1:8", "ends too early"],
    ["for x of y:\n    pass\n", "1:7", "`of` cannot stand here"],
    ['print "hello"\n', "1:7", "cannot stand here"],
    ["x = y z\n", "1:7", "`z` cannot stand here"],
    ["x = $y\n", "1:5", "unexpected character"],
    ["x = 1\n\0", "2:1", "unexpected character"],
    ["const x = () => { return 1; };\n", "1:7", "`x` cannot stand here"],
    ["lambda x: return x\n", "1:11", "`return` cannot stand here"],
    ["match x:\n    case 1 2\n", "2:10", "cannot stand here"],
  ])("%j", (code, place, what) => {
    const error = pythonSyntaxError(code);
    expect(`${error?.line}:${error?.column}`).toBe(place);
    expect(error?.what).toContain(what);
  });
});

/** Longest source that is deployed. */
const LONGEST = 150_000;
const filled = (unit: string) => unit.repeat(Math.floor(LONGEST / unit.length));

test.each([
  "(",
  "[[]]",
  'f"{" ',
  "f'{",
  '"""',
  "x\n",
  "x;",
  "a.b(",
  "lambda:",
  "not ",
  "#",
  "\\\n",
  "é ",
  "{x:",
  "x<y>(z)\n",
  "*",
])("a source full of %j takes a bounded time", (unit) => {
  const startedAt = performance.now();
  pythonSyntaxError(filled(unit));
  expect(performance.now() - startedAt).toBeLessThan(5000);
});

test("a deep tree of blocks is read", () => {
  const depth = 90;
  const code = Array.from({ length: depth }, (_, level) => `${" ".repeat(level)}if x:`).join(LF);
  expect(pythonSyntaxError(`${code}${LF}${" ".repeat(depth)}pass${LF}`)).toBeUndefined();
});
