import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { build, runBinary, startBinary } from "../support/binary.js";

beforeAll(build, 120_000);

test("dev killed at many moments of its start leaves a directory that the next start can use", async () => {
  const dir = join(mkdtempSync(join(tmpdir(), "killed-")), "data");
  const start = () => startBinary(["dev", "--data-dir", dir, "--port", "0", "--json"]);
  // From before the directory exists, through initdb and the migrations, to running miners.
  for (const afterMs of [150, 350, 500, 650, 800, 1000, 1300, 1600, 2000, 2500]) {
    const dev = start();
    await delay(afterMs);
    await dev.stop("SIGKILL");
  }
  const dev = start();
  await dev.ready;
  const tour = await runBinary(["dev", "tour", "--data-dir", dir, "--json"]);
  expect(tour.stderr).toBe("");
  expect(tour.code).toBe(0);
  expect(await dev.stop("SIGINT")).toBe(0);
}, 180_000);
