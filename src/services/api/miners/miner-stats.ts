import { type MinerWork, minerWork } from "../../../domain/instances/miner-feed-repository.js";
import type { Db } from "../../../infra/postgres/client.js";

/** Work of the miners within one window, as dashboards read it. */
interface WindowStats {
  readonly bounties: readonly { readonly miner_hotkey: string; readonly total_bounty: number }[];
  readonly compute_units: readonly Record<string, string | number>[];
}

/** Windows by their wire name. */
export type MinerStats = Readonly<Record<"past_hour" | "past_day" | "all", WindowStats>>;

const HOUR_MS = 3_600_000;
const WINDOWS_MS = { past_hour: HOUR_MS, past_day: 24 * HOUR_MS, all: 7 * 24 * HOUR_MS } as const;

/** Counts the successful work of every miner, per chute or summed up. @see protocol 05 §4.4 */
export async function minerStats(db: Db, now: Date, perChute: boolean): Promise<MinerStats> {
  const window = async (ms: number) => windowStats(await minerWork(db, new Date(now.getTime() - ms)), perChute);
  const [hour, day, all] = await Promise.all(Object.values(WINDOWS_MS).map(window));
  const none = { bounties: [], compute_units: [] };
  return { past_hour: hour ?? none, past_day: day ?? none, all: all ?? none };
}

/** The part of the statistics that is about one miner. */
export function statsOf(stats: MinerStats, hotkey: string): MinerStats {
  const ofMiner = (row: Readonly<Record<string, unknown>>) => row["miner_hotkey"] === hotkey;
  const only = ({ bounties, compute_units }: WindowStats): WindowStats => ({
    bounties: bounties.filter(ofMiner),
    compute_units: compute_units.filter(ofMiner),
  });
  return { past_hour: only(stats.past_hour), past_day: only(stats.past_day), all: only(stats.all) };
}

function windowStats(work: readonly MinerWork[], perChute: boolean): WindowStats {
  if (perChute) return { bounties: [], compute_units: work.map(({ total_bounty: _, ...row }) => ({ ...row })) };
  const totals = new Map<string, Omit<MinerWork, "chute_id">>();
  for (const row of work) {
    const {
      invocation_count: calls = 0,
      compute_units: units = 0,
      total_bounty = 0,
    } = totals.get(row.miner_hotkey) ?? {};
    totals.set(row.miner_hotkey, {
      miner_hotkey: row.miner_hotkey,
      invocation_count: calls + row.invocation_count,
      compute_units: units + row.compute_units,
      total_bounty: total_bounty + row.total_bounty,
    });
  }
  return {
    bounties: [...totals.values()].map(({ miner_hotkey, total_bounty }) => ({ miner_hotkey, total_bounty })),
    compute_units: [...totals.values()].map(({ total_bounty: _, ...row }) => row),
  };
}
