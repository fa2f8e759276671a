import type { NodeRow } from "../../../domain/nodes/node-repository.js";
import { offsetIso } from "../../../wire/timestamps.js";
import { isoOrNull } from "./wire-rows.js";

/** One machine of a miner with its GPUs. */
export interface ServerRecord {
  readonly server_id: string;
  readonly name: string;
  readonly ip: string;
  readonly is_tee: false;
  /** Null keeps image pulls on the registry of this platform. */
  readonly version: null;
  readonly maintenance_pending: false;
  readonly created_at: string;
  readonly updated_at: string;
  readonly gpus: readonly Record<string, unknown>[];
}

/** A miner's GPUs by server, in the order given. @see protocol 05 §4.4 */
export function serverRecords(nodes: readonly NodeRow[]): ServerRecord[] {
  const servers = new Map<string, [NodeRow, ...NodeRow[]]>();
  for (const node of nodes) {
    const members = servers.get(node.server_id);
    if (members === undefined) servers.set(node.server_id, [node]);
    else members.push(node);
  }
  return [...servers.values()].map(serverRecord);
}

function serverRecord(members: readonly [NodeRow, ...NodeRow[]]): ServerRecord {
  const [first] = members;
  const added = offsetIso(first.created_at);
  return {
    server_id: first.server_id,
    name: first.server_name ?? first.server_id,
    ip: first.verification_host,
    is_tee: false,
    version: null,
    maintenance_pending: false,
    created_at: added,
    updated_at: added,
    gpus: members.map((gpu) => ({
      uuid: gpu.uuid,
      gpu_identifier: gpu.gpu_identifier,
      device_index: gpu.device_index,
      verified_at: isoOrNull(gpu.verified_at),
      verification_error: gpu.verification_error,
    })),
  };
}
