import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import { type InstanceEvent, instanceDisabled } from "../../wire/events.js";
import { announce, instanceEventColumns } from "../instances/event-repository.js";

/** Tells the miner and the dashboards that an instance gets no calls for a while. @see protocol 05 §2.4 */
export async function announceDisabled(db: Db, instanceId: string, now: Date): Promise<void> {
  const { rows } = await sql<InstanceEvent>`
    select ${instanceEventColumns} from instances i where i.instance_id = ${instanceId}`.execute(db);
  await announce(db, rows.flatMap(instanceDisabled), now);
}
