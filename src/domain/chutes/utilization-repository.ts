import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { NodeSelector } from "../../wire/node-selector.js";
import { type ChuteUse, WINDOWS, type Window } from "./utilization.js";

/** A chute with what the database knows of its capacity. */
export interface ChuteCapacity {
  readonly chuteId: string;
  readonly name: string;
  readonly public: boolean;
  readonly ownerUsername: string;
  readonly concurrency: number | null;
  readonly nodeSelector: NodeSelector;
  readonly disabled: boolean;
  readonly tee: boolean;
  readonly boost: number | null;
  readonly manualBoost: number | null;
  /** Its instances are being replaced. */
  readonly isUpdating: boolean;
  readonly totalInstances: number;
  readonly activeInstanceIds: readonly string[];
}

/** Chutes that can be called, the busiest of the past day first. */
export async function chuteCapacities(db: Db, limit: number): Promise<ChuteCapacity[]> {
  const { rows } = await sql<ChuteCapacity>`
    select c.chute_id as "chuteId", c.name, c.public, u.username as "ownerUsername", c.concurrency,
      c.node_selector as "nodeSelector", c.disabled, c.tee, c.boost, m.boost as "manualBoost",
      r.chute_id is not null as "isUpdating", coalesce(i.total, 0) as "totalInstances",
      coalesce(i.active, '{}') as "activeInstanceIds"
    from chutes c join users u using (user_id)
      left join chute_manual_boosts m using (chute_id)
      left join rolling_updates r using (chute_id)
      left join (
        select chute_id, count(*)::integer as total, array_agg(instance_id) filter (where active and verified) as active
        from instances group by chute_id
      ) i using (chute_id)
    where json_array_length(c.cords) > 0
    order by c.invocation_count desc, c.chute_id limit ${limit}`.execute(db);
  return rows;
}

type UseRow = { readonly chuteId: string } & {
  readonly [Name in `${"completed" | "rateLimited" | "busy"}_${Window}`]: number;
};

/** Use of every chute that was called within the hour before `now`, by chute id. @see protocol 03 §12.1 */
export async function recentUse(db: Db, now: Date): Promise<Map<string, ChuteUse>> {
  const { rows } = await sql<UseRow>`
    select chute_id as "chuteId", ${sql.join([windowColumns("5m", now), windowColumns("15m", now), windowColumns("1h", now)])}
    from partitioned_invocations
    where completed_at >= ${startOf("1h", now)} and completed_at <= ${now} group by chute_id`.execute(db);
  return new Map(rows.map((row) => [row.chuteId, toUse(row)]));
}

function windowColumns(name: Window, now: Date) {
  const start = startOf(name, now);
  const within = sql`completed_at >= ${start}`;
  return sql`count(*) filter (where ${within} and error_message is null)::integer as ${sql.id(`completed_${name}`)},
    count(*) filter (where ${within} and error_message = 'RATE_LIMIT')::integer as ${sql.id(`rateLimited_${name}`)},
    coalesce(sum(extract(epoch from completed_at - greatest(started_at, ${start}))) filter (where ${within}), 0)::double precision
      as ${sql.id(`busy_${name}`)}`;
}

function startOf(name: Window, now: Date): Date {
  return new Date(now.getTime() - WINDOWS[name] * 1000);
}

function toUse(row: UseRow): ChuteUse {
  const of = (name: Window) => ({
    completed: row[`completed_${name}`],
    rateLimited: row[`rateLimited_${name}`],
    busySeconds: row[`busy_${name}`],
  });
  return { "5m": of("5m"), "15m": of("15m"), "1h": of("1h") };
}
