import type { Db } from "../../infra/postgres/client.js";
import { ruleFor } from "./chute-rule.js";

/** How many jobs a user may start on a UTC day. */
export interface JobQuotas {
  /** On the chute; 0 = its jobs are off. */
  readonly ofChute: number;
  /** On all chutes together. */
  readonly overall: number;
}

/** Chute id under which the quota of all jobs together is kept. */
const ALL_JOBS = "global";
const LIMIT = 1000;

/** Quotas of one user for jobs of one chute. @see protocol 01 §9.3 */
export async function jobQuotas(
  db: Db,
  { userId, chuteId }: { readonly userId: string; readonly chuteId: string },
  defaults: ReadonlyMap<string, number>,
): Promise<JobQuotas> {
  const rows = await db
    .selectFrom("job_quotas")
    .select(["chute_id", "quota"])
    .where("user_id", "=", userId)
    .limit(LIMIT)
    .execute();
  const sources = { own: new Map(rows.map((row) => [row.chute_id, row.quota])), defaults, otherwise: 0 };
  return { ofChute: ruleFor(chuteId, sources).value, overall: ruleFor(ALL_JOBS, sources).value };
}

/** Whether one more job may start, after those of the running UTC day. @see protocol 01 §9.3 */
export function mayStartJob(quotas: JobQuotas, today: { readonly ofChute: number; readonly overall: number }): boolean {
  return today.ofChute < quotas.ofChute && today.overall < quotas.overall;
}
