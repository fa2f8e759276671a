import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";

/** A private instance that an account is paying for right now. */
interface RunningCost {
  readonly chuteId: string;
  readonly activatedAt: Date;
  /** It costs nothing any more from then on. */
  readonly stopBillingAt: Date;
  readonly hourlyRateUsd: number;
}

/** What an account's effective balance is computed from. @see protocol 01 §9.1 */
export interface Funds {
  /** Stored balance, micro-USD. */
  readonly balanceMicroUsd: bigint;
  readonly running: readonly RunningCost[];
}

/** Balance and running private instances of an account, in one statement; undefined when the account is gone. */
export async function fundsOf(db: Db, userId: string, now: Date): Promise<Funds | undefined> {
  const { rows } = await sql<FundsRow>`
    select u.balance_micro_usd as balance, i.chute_id, i.activated_at, i.stop_billing_at, i.hourly_rate
    from users u left join instances i
      on i.billed_to = u.user_id and i.activated_at is not null and i.stop_billing_at > ${now}
    where u.user_id = ${userId}`.execute(db);
  const [first] = rows;
  return first && { balanceMicroUsd: first.balance, running: rows.flatMap(toRunningCost) };
}

interface FundsRow {
  readonly balance: bigint;
  readonly chute_id: string | null;
  readonly activated_at: Date;
  readonly stop_billing_at: Date;
  readonly hourly_rate: number;
}

function toRunningCost(row: FundsRow): RunningCost[] {
  if (row.chute_id === null) return [];
  return [
    {
      chuteId: row.chute_id,
      activatedAt: row.activated_at,
      stopBillingAt: row.stop_billing_at,
      hourlyRateUsd: row.hourly_rate,
    },
  ];
}
