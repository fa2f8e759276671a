import { openApi } from "./client.js";

/** Where the platform's public hosts are. */
export interface Hosts {
  readonly apiUrl: string;
  readonly llmUrl: string;
  readonly eventsUrl: string;
  /** `https://{slug}.example.org` with the slug left out. */
  readonly chuteUrl: (slug: string) => string;
}

interface WireHosts {
  readonly api_url: string;
  readonly llm_url: string;
  readonly events_url: string;
  readonly chute_url: string;
}

export async function readHosts(): Promise<Hosts> {
  const wire = (await openApi("").json("/console/config.json")) as WireHosts;
  return {
    apiUrl: wire.api_url,
    llmUrl: wire.llm_url,
    eventsUrl: wire.events_url,
    chuteUrl: (slug) => wire.chute_url.replace("{slug}", slug),
  };
}
