import { AppError } from "../kernel/errors.js";

/** Every step may allocate; two million of them stay far below the memory of a small process. */
const MOST_STEPS = 2_000_000;

/**
 * Reads a Python pickle that holds plain data only, protocols 0–5. Tuples and lists become arrays, dicts Maps, sets Sets, bytes
 * Uint8Arrays, long integers bigints. The stream is never executed: whatever would look up, call or build something is refused.
 * Throws AppError `invalid`. @see protocol 04 §1.3
 */
export function readPickle(bytes: Uint8Array): unknown {
  const machine = new PickleMachine(new Cursor(bytes));
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    const code = machine.cursor.byte();
    if (code === STOP) return machine.pop();
    const run = OPERATIONS.get(code);
    if (run === undefined) throw problem(`operation 0x${code.toString(16).padStart(2, "0")} is not plain data`);
    run(machine);
  }
  throw problem("too many operations");
}

function problem(text: string, cause?: unknown): AppError {
  return new AppError("invalid", `not a plain-data pickle: ${text}`, cause === undefined ? {} : { cause });
}

class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw problem("the data ends early");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  /** A length of eight bytes; beyond 2^53 it is past the end anyway. */
  uint64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw problem("a line does not end");
    const text = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end + 1;
    return text;
  }
}

class PickleMachine {
  readonly cursor: Cursor;
  readonly #memo = new Map<number, unknown>();
  /** Values above the last mark; the lists below it are waiting. */
  #stack: unknown[] = [];
  readonly #marked: unknown[][] = [];

  constructor(cursor: Cursor) {
    this.cursor = cursor;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length === 0) throw problem("a value is missing");
    return this.#stack.pop();
  }

  top(): unknown {
    if (this.#stack.length === 0) throw problem("a value is missing");
    return this.#stack.at(-1);
  }

  mark(): void {
    this.#marked.push(this.#stack);
    this.#stack = [];
  }

  popToMark(): unknown[] {
    const values = this.#stack;
    const below = this.#marked.pop();
    if (below === undefined) throw problem("a mark is missing");
    this.#stack = below;
    return values;
  }

  /** `POP` on an empty frame removes the mark itself. */
  discard(): void {
    if (this.#stack.length === 0) this.popToMark();
    else this.#stack.pop();
  }

  remember(index: number = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw problem(`memo ${index} is empty`);
    this.push(this.#memo.get(index));
  }

  append(values: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw problem("append to something that is no list");
    for (const value of values) list.push(value);
  }

  /** Keys and values alternate. */
  setItems(values: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || values.length % 2 !== 0) throw problem("an item without a dict or a value");
    for (let at = 0; at < values.length; at += 2) dict.set(values[at], values[at + 1]);
  }

  addItems(values: readonly unknown[]): void {
    const set = this.top();
    if (!(set instanceof Set)) throw problem("add to something that is no set");
    for (const value of values) set.add(value);
  }

  pushDict(values: readonly unknown[]): void {
    this.push(new Map());
    this.setItems(values);
  }

  pushTuple(length: number): void {
    const values = Array.from({ length }, () => this.pop());
    this.push(values.reverse());
  }
}

type Operation = (machine: PickleMachine) => void;
const STOP = 0x2e;

const pushing =
  (read: (cursor: Cursor) => unknown): Operation =>
  (machine) =>
    machine.push(read(machine.cursor));

/** Opcode → step, grouped by what they carry. */
const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x80, ({ cursor }) => checkProtocol(cursor.byte())],
  [0x95, ({ cursor }) => void cursor.take(8)],
  [0x4e, pushing(() => null)],
  [0x88, pushing(() => true)],
  [0x89, pushing(() => false)],
  [0x49, pushing((cursor) => integerLine(cursor.line()))],
  [0x4c, pushing((cursor) => integerText(cursor.line().replace(/L$/, "")))],
  [0x4a, pushing((cursor) => cursor.take(4).readInt32LE())],
  [0x4b, pushing((cursor) => cursor.byte())],
  [0x4d, pushing((cursor) => cursor.take(2).readUInt16LE())],
  [0x8a, pushing((cursor) => longInteger(cursor.take(cursor.byte())))],
  [0x8b, pushing((cursor) => longInteger(cursor.take(cursor.uint32())))],
  [0x46, pushing((cursor) => floatLine(cursor.line()))],
  [0x47, pushing((cursor) => cursor.take(8).readDoubleBE())],
  [0x56, pushing((cursor) => rawUnicode(cursor.line()))],
  [0x58, pushing((cursor) => text(cursor.take(cursor.uint32())))],
  [0x8c, pushing((cursor) => text(cursor.take(cursor.byte())))],
  [0x8d, pushing((cursor) => text(cursor.take(cursor.uint64())))],
  [0x42, pushing((cursor) => cursor.take(cursor.uint32()))],
  [0x43, pushing((cursor) => cursor.take(cursor.byte()))],
  [0x8e, pushing((cursor) => cursor.take(cursor.uint64()))],
  [0x96, pushing((cursor) => cursor.take(cursor.uint64()))],
  [0x28, (machine) => machine.mark()],
  [0x30, (machine) => machine.discard()],
  [0x31, (machine) => void machine.popToMark()],
  [0x32, (machine) => machine.push(machine.top())],
  [0x5d, pushing(() => [])],
  [0x6c, (machine) => machine.push(machine.popToMark())],
  [0x61, (machine) => machine.append([machine.pop()])],
  [0x65, (machine) => machine.append(machine.popToMark())],
  [0x29, pushing(() => [])],
  [0x74, (machine) => machine.push(machine.popToMark())],
  [0x85, (machine) => machine.pushTuple(1)],
  [0x86, (machine) => machine.pushTuple(2)],
  [0x87, (machine) => machine.pushTuple(3)],
  [0x7d, (machine) => machine.pushDict([])],
  [0x64, (machine) => machine.pushDict(machine.popToMark())],
  [0x73, (machine) => machine.setItems([machine.pop(), machine.pop()].reverse())],
  [0x75, (machine) => machine.setItems(machine.popToMark())],
  [0x8f, pushing(() => new Set())],
  [0x90, (machine) => machine.addItems(machine.popToMark())],
  [0x91, (machine) => machine.push(new Set(machine.popToMark()))],
  [0x70, (machine) => machine.remember(memoIndex(machine.cursor.line()))],
  [0x71, (machine) => machine.remember(machine.cursor.byte())],
  [0x72, (machine) => machine.remember(machine.cursor.uint32())],
  [0x94, (machine) => machine.remember()],
  [0x67, (machine) => machine.recall(memoIndex(machine.cursor.line()))],
  [0x68, (machine) => machine.recall(machine.cursor.byte())],
  [0x6a, (machine) => machine.recall(machine.cursor.uint32())],
]);

function checkProtocol(version: number): void {
  if (version > 5) throw problem(`protocol ${version}`);
}

/** Protocol 0 writes booleans as the integers 00 and 01. */
function integerLine(line: string): boolean | number | bigint {
  return line === "00" || line === "01" ? line === "01" : integerText(line);
}

function integerText(digits: string): number | bigint {
  if (!/^[+-]?\d{1,4300}$/.test(digits)) throw problem("bad integer");
  return narrow(BigInt(digits));
}

/** Two's complement, least significant byte first. */
function longInteger(bytes: Buffer): number | bigint {
  if (bytes.length === 0) return 0;
  if (bytes.length > 1024) throw problem("integer too long");
  const unsigned = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  return narrow(BigInt.asIntN(bytes.length * 8, unsigned));
}

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function floatLine(line: string): number {
  const value = Number(line);
  if (line.trim() === "" || Number.isNaN(value)) throw problem("bad float");
  return value;
}

function text(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw problem("text is not UTF-8", cause);
  }
}

/** Latin-1 with `\uXXXX` and `\UXXXXXXXX` escapes. */
function rawUnicode(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})|\\U(0010[0-9a-fA-F]{4}|000[0-9a-fA-F]{5})/g, (_, short, long) =>
    String.fromCodePoint(Number.parseInt(short ?? long, 16)),
  );
}

function memoIndex(line: string): number {
  if (!/^\d{1,9}$/.test(line)) throw problem("bad memo index");
  return Number(line);
}
