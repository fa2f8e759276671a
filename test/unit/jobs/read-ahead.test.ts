import { expect, test } from "vitest";
import { readAhead } from "../../../src/jobs/audit-export/read-ahead.js";

/** Yields 0 … count − 1, then fails when it should; keeps a diary. */
function source(count: number, options: { fails?: boolean } = {}) {
  const diary: string[] = [];
  async function* numbers() {
    try {
      for (let n = 0; n < count; n += 1) {
        diary.push(`made ${n}`);
        yield n;
      }
      if (options.fails === true) throw new Error("no more");
    } finally {
      diary.push("closed");
    }
  }
  return { diary, numbers: numbers() };
}

test("items come in order, each made while the one before is worked on", async () => {
  const { diary, numbers } = source(3);
  for await (const n of readAhead(numbers)) diary.push(`used ${n}`);
  expect(diary).toEqual(["made 0", "made 1", "used 0", "made 2", "used 1", "closed", "used 2"]);
});

test("a failure of the source is thrown after the items before it", async () => {
  const { numbers } = source(2, { fails: true });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const n of readAhead(numbers)) seen.push(n);
  })();
  await expect(reading).rejects.toThrow("no more");
  expect(seen).toEqual([0, 1]);
});

test("a reader that stops closes the source, also when the item ahead failed", async () => {
  for (const count of [5, 1]) {
    const { diary, numbers } = source(count, { fails: true });
    for await (const n of readAhead(numbers)) {
      expect(n).toBe(0);
      break;
    }
    expect(diary.at(-1)).toBe("closed");
  }
});

test("an empty source is empty", async () => {
  const { numbers } = source(0);
  for await (const _ of readAhead(numbers)) expect.unreachable();
});
