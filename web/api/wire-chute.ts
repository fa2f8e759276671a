interface Usd {
  readonly usd: number;
}

/** The members of a chute object that the console reads. Lists leave the cords out. */
export interface WireChute {
  readonly chute_id: string;
  readonly name: string;
  readonly tagline: string | null;
  readonly readme: string | null;
  readonly public: boolean;
  readonly version: string;
  readonly slug: string;
  readonly standard_template: string | null;
  readonly cords: readonly WireCord[] | null;
  readonly updated_at: string;
  readonly image: { readonly name: string; readonly tag: string; readonly user?: { readonly username: string } };
  readonly user?: { readonly username: string; readonly user_id: string };
  readonly supported_gpus?: readonly string[];
  readonly node_selector?: { readonly gpu_count?: number };
  readonly concurrency?: number | null;
  readonly invocation_count?: number;
  readonly current_estimated_price?: {
    readonly usd?: { readonly hour: number };
    readonly per_million_tokens?: { readonly input: Usd; readonly output: Usd };
  } | null;
  readonly instances?: readonly WireInstance[];
  readonly disabled?: boolean;
  readonly bounty?: number | null;
  readonly logo?: string | null;
  readonly hot: boolean;
}

interface WireInstance {
  readonly instance_id: string;
  readonly region: string;
  readonly active: boolean;
  readonly verified: boolean;
  readonly last_verified_at: string | null;
}

interface WireCord {
  readonly function: string;
  readonly stream?: boolean;
  readonly public_api_path?: string | null;
  readonly public_api_method?: string | null;
}
