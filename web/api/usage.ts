import type { Api } from "./client.js";

/** What was used in one hour. */
export interface UsageRow {
  readonly hour: Date;
  readonly amountUsd: number;
  readonly calls: number;
  /** Only when asked for by chute. */
  readonly chuteId: string | undefined;
}

interface WireRow {
  readonly bucket: string;
  readonly amount: number;
  readonly count: number;
  readonly chute_id?: string;
}

export interface UsageQuery {
  readonly since: Date;
  readonly perChute: boolean;
  readonly limit: number;
}

/** Newest hour first. */
export async function readUsage(api: Api, query: UsageQuery, signal?: AbortSignal): Promise<UsageRow[]> {
  const parameters = new URLSearchParams({
    limit: String(query.limit),
    per_chute: String(query.perChute),
    start_date: query.since.toISOString(),
  });
  const { items } = (await api.json(`/users/me/usage?${parameters}`, { signal })) as { items: readonly WireRow[] };
  return items.map(({ bucket, amount, count, chute_id }) => ({
    hour: instantOf(bucket),
    amountUsd: amount,
    calls: count,
    chuteId: chute_id,
  }));
}

/** Times without a zone are UTC. */
export function instantOf(text: string): Date {
  return new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}
