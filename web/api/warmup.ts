import type { Api } from "./client.js";
import { eventData } from "./sse.js";

export interface WarmupLine {
  readonly status: "hot" | "cold";
  readonly log: string;
}

/** Asks miners for the chute and follows its way until it is hot. */
export async function* warmUp(api: Api, chuteId: string, signal: AbortSignal): AsyncGenerator<WarmupLine> {
  const answer = await api.open(`/chutes/warmup/${chuteId}`, { signal });
  if (answer.body === null) return;
  for await (const data of eventData(answer.body)) yield JSON.parse(data) as WarmupLine;
}
