import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { InstanceEvent, WireEvent } from "../../wire/events.js";
import { enqueue } from "../outbox/outbox-repository.js";

/** Writes events in the caller's transaction; miners and dashboards get them after its commit. @see protocol 05 §17.22 */
export function announce(tx: Db, events: readonly WireEvent[], now: Date): Promise<void> {
  return enqueue(
    tx,
    events.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
    now,
  );
}

/** Select list that describes the instance `i` as its events do. */
export const instanceEventColumns = sql<InstanceEvent>`
  i.instance_id as "instanceId", i.chute_id as "chuteId", i.miner_hotkey as "minerHotkey", i.config_id as "configId",
  (select count(*)::integer from instance_nodes b where b.instance_id = i.instance_id) as "gpuCount",
  coalesce((select min(n.gpu_identifier) from instance_nodes b join nodes n on n.uuid = b.node_id
            where b.instance_id = i.instance_id), '') as "gpuModelName"`;
