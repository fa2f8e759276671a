import { sql } from "kysely";
import { expect } from "vitest";
import type { ProfileName } from "../../../../src/domain/scoring/profiles.js";
import { scoreMiners } from "../../../../src/domain/scoring/score.js";
import {
  gpuCountByChute,
  metagraphEntries,
  scoringInputs,
} from "../../../../src/domain/scoring/score-inputs-repository.js";
import { test } from "../../../support/fixtures.js";
import { givenChuteVersion, givenWorkedExample } from "../../../support/worked-example-rows.js";
import { AS_OF, KEYS } from "../../../unit/domain/scoring/worked-example.js";

const { Alice, Bob, Charlie, Dave, Eve } = KEYS;

test.for<[ProfileName, Record<string, number>]>([
  ["instance-lifetime", { [Alice]: 0.436814384, [Bob]: 0.508811532, [Charlie]: 0.053859253, [Eve]: 0.000514831 }],
  ["invocations-2025-10", { [Alice]: 0.852085623, [Bob]: 0.119646954, [Charlie]: 0.028250249, [Eve]: 0.000017174 }],
  ["invocations-2025-02", { [Alice]: 0.295319215, [Bob]: 0.411297672, [Charlie]: 0.23754715, [Dave]: 0.055835963 }],
])("07 §3.7: %s scores the platform's own tables", async ([profile, expected], { db }) => {
  await givenWorkedExample(db);
  const question = { profile, netuid: 64, asOf: AS_OF, oneHotkeyPerColdkey: true };
  // In one transaction, as the export reads: one connection for everything.
  const inputs = await db.transaction().execute((snapshot) => scoringInputs(snapshot, question));
  const { scores } = scoreMiners(profile, inputs);
  expect([...scores.keys()].sort()).toEqual(Object.keys(expected).sort());
  for (const [hotkey, score] of Object.entries(expected)) expect(scores.get(hotkey)).toBeCloseTo(score, 9);
});

test("what happens after the evaluation time changes nothing", async ({ db }) => {
  await givenWorkedExample(db);
  const question = { profile: "invocations-2025-10", netuid: 64, asOf: AS_OF, oneHotkeyPerColdkey: true } as const;
  const before = scoreMiners("invocations-2025-10", await scoringInputs(db, question));
  const later = new Date(AS_OF.getTime() + 60_000);
  await sql`insert into partitioned_invocations select 'late-' || invocation_id, parent_invocation_id, chute_id, chute_user_id, function_name,
      user_id, image_id, image_user_id, instance_id, miner_uid, miner_hotkey, ${later}, ${later}, null, compute_multiplier, 1000, metrics
    from partitioned_invocations`.execute(db);
  await sql`insert into instance_audit (instance_id, chute_id, version, created_at, activated_at, miner_uid, miner_hotkey, region, billed_to)
    values ('late', 'C1', 'v', ${later}, ${later}, 1, ${Eve}, 'n/a', 'user')`.execute(db);
  expect(scoreMiners("invocations-2025-10", await scoringInputs(db, question))).toEqual(before);
});

test("only keys of the subnet score, without the operator's own rows", async ({ db }) => {
  await sql`insert into metagraph_nodes (netuid, hotkey, coldkey, checksum, node_id, blacklist_reason, synced_at) values
    (64, 'a', 'c', '', 0, 'cheats', now()), (64, 'test-miner', 'c', '', -1, null, now()), (120, 'b', 'c', '', 1, null, now())`.execute(
    db,
  );
  expect(await metagraphEntries(db, 64)).toEqual([{ uid: 0, hotkey: "a", coldkey: "c", blacklistReason: "cheats" }]);
});

test("the latest GPU count of a chute counts, whatever else its history holds", async ({ db }) => {
  await givenChuteVersion(db, "c1", { count: 8, hour: 10 });
  await givenChuteVersion(db, "c1", { count: 2, hour: 5 });
  await givenChuteVersion(db, "c2", { count: "many", hour: 5 });
  expect(await gpuCountByChute(db)).toEqual(new Map([["c1", 2]]));
});
