import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadMinerIdentity } from "../../../src/miner/identity.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "identity-"));
});
afterAll(() => rm(dir, { recursive: true }));

test("a missing identity is made, readable by its owner alone, and stays the same", async () => {
  const path = join(dir, "new", "miner.json");
  const { address } = await loadMinerIdentity(path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({
    address,
    seed: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect((await loadMinerIdentity(path)).address).toBe(address);
});

test("two processes that start together get one identity", async () => {
  const path = join(dir, "both.json");
  const loaded = await Promise.all([loadMinerIdentity(path), loadMinerIdentity(path), loadMinerIdentity(path)]);
  expect(new Set(loaded.map(({ address }) => address)).size).toBe(1);
  expect((await readdir(dir)).filter((name) => name.startsWith("both"))).toEqual(["both.json"]);
});

test.each([
  ["not JSON", "seed: 1"],
  ["no seed", "{}"],
  ["a short seed", '{"seed":"0102"}'],
])("a file with %s is refused without quoting it", async (_, content) => {
  const path = join(dir, "bad.json");
  await writeFile(path, content, { mode: 0o600 });
  await expect(loadMinerIdentity(path)).rejects.toMatchObject({ kind: "config", fix: expect.stringContaining(path) });
  await expect(loadMinerIdentity(path)).rejects.not.toThrow(/0102|seed: 1/);
});

test("a file that others may read is refused", async () => {
  const path = join(dir, "open.json");
  await loadMinerIdentity(path);
  await chmod(path, 0o640);
  await expect(loadMinerIdentity(path)).rejects.toThrow(/other users/);
});
