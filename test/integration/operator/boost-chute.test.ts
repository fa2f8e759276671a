import { expect } from "vitest";
import { loadConfig } from "../../../src/kernel/config/load.js";
import type { Context } from "../../../src/kernel/context.js";
import { boostChute } from "../../../src/operator/chutes/boost-chute.js";
import { test as base } from "../../support/fixtures.js";
import { givenChute } from "../../support/miner-builders.js";

const NOW = new Date("2026-01-07T12:00:00Z");

const test = base.extend<{ ctx: Context }>({
  ctx: async ({ databaseUrl, log }, use) => {
    const config = loadConfig({ env: {}, overrides: { environment: "dev", postgres: { url: databaseUrl } } });
    await use({ config, log, now: () => NOW, signal: new AbortController().signal });
  },
});

test("a chute is boosted by id or by its owner and name, and the boost can be taken away", async ({ db, ctx }) => {
  await givenChute(db, { chuteId: "c1", username: "alice" });
  const { name } = await db.selectFrom("chutes").select("name").executeTakeFirstOrThrow();
  const chute = `ALICE/${name.toUpperCase()}`;
  const planned = await boostChute(ctx, { chute, boost: 1.5, dryRun: true });
  expect(planned).toEqual({ chute_id: "c1", chute: `alice/${name}`, before: null, after: 1.5, dry_run: true });
  expect(await db.selectFrom("chute_manual_boosts").selectAll().execute()).toEqual([]);
  await db.deleteFrom("outbox").execute();
  await boostChute(ctx, { chute, boost: 1.5, dryRun: false });
  expect(await boostChute(ctx, { chute: "c1", boost: 3, dryRun: false })).toMatchObject({ before: 1.5, after: 3 });
  const rows = await db.selectFrom("chute_manual_boosts").selectAll().execute();
  expect(rows).toEqual([{ chute_id: "c1", boost: 3, updated_at: NOW }]);
  const told = await db.selectFrom("outbox").select(["channel", "payload"]).execute();
  expect(told).toContainEqual({ channel: "cache_invalidate", payload: { kind: "chute", id: "c1" } });
  expect(await boostChute(ctx, { chute: "c1", boost: null, dryRun: false })).toMatchObject({ before: 3, after: null });
  expect(await db.selectFrom("chute_manual_boosts").selectAll().execute()).toEqual([]);
});

test("a factor that would not count, and a chute that is not there, are refused", async ({ ctx }) => {
  for (const boost of [0, -1, 20.5, Number.NaN])
    await expect(boostChute(ctx, { chute: "c1", boost, dryRun: false })).rejects.toMatchObject({ kind: "invalid" });
  await expect(boostChute(ctx, { chute: "nobody/nothing", boost: 2, dryRun: false })).rejects.toMatchObject({
    kind: "not_found",
  });
});
