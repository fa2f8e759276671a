import { expect } from "vitest";
import { jobQuotas, mayStartJob } from "../../../../src/domain/billing/job-quota-repository.js";
import type { Db } from "../../../../src/infra/postgres/client.js";
import { createUser } from "../../../../src/operator/users/create-user.js";
import { operatorTest as test } from "../../../support/operator-test.js";

async function set(db: Db, userId: string, quotas: Record<string, number>): Promise<void> {
  const rows = Object.entries(quotas).map(([chute_id, quota]) => ({
    user_id: userId,
    chute_id,
    quota,
    updated_at: new Date(),
  }));
  await db.insertInto("job_quotas").values(rows).execute();
}

test("01 §9.3: jobs are counted per chute and over all, by the same look-up as calls", async ({ db, at }) => {
  const wanted = { username: "alice", hotkey: null, coldkey: null, permissions: 0, keyName: undefined, dryRun: false };
  const userId = (await at((desk) => createUser(desk, wanted))).user_id ?? "";
  const quotas = (chuteId: string, defaults: Record<string, number>) =>
    jobQuotas(db, { userId, chuteId }, new Map(Object.entries(defaults)));
  expect(await quotas("c1", {})).toEqual({ ofChute: 0, overall: 0 });
  expect(await quotas("c1", { "*": 2, global: 9 })).toEqual({ ofChute: 2, overall: 9 });
  await set(db, userId, { "*": 3, c1: 5 });
  expect(await quotas("c1", { global: 9 })).toEqual({ ofChute: 5, overall: 3 });
  await set(db, userId, { global: 20 });
  expect(await quotas("c2", { "*": 1 })).toEqual({ ofChute: 3, overall: 20 });
});

test.each([
  { quota: 0, overall: 10, today: 0, all: 0, may: false },
  { quota: 2, overall: 10, today: 1, all: 9, may: true },
  { quota: 2, overall: 10, today: 2, all: 2, may: false },
  { quota: 2, overall: 10, today: 0, all: 10, may: false },
])(
  "01 §9.3: $today of $quota on the chute and $all of $overall over all: $may",
  ({ quota, overall, today, all, may }) => {
    expect(mayStartJob({ ofChute: quota, overall }, { ofChute: today, overall: all })).toBe(may);
  },
);
