import { type TSchema, Type } from "typebox";
import { CORD_KEYS } from "../../../wire/cords.js";
import { CardObject } from "./account-objects.js";
import type { chuteObject } from "./chute-objects.js";
import { ImageObject } from "./image-objects.js";

const orNull = (schema: TSchema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const NullableText = orNull(Type.String());
const NullableNumber = orNull(Type.Number());
const Amount = Type.Object({ usd: Type.Number(), tao: Type.Optional(Type.Number()) });
const PerHour = Type.Object({ hour: Type.Number(), second: Type.Number() });
const Span = Type.Object({ min: Type.Number(), max: Type.Number() });

const PriceObject = Type.Object(
  {
    usd: PerHour,
    tao: Type.Optional(PerHour),
    per_million_tokens: Type.Optional(Type.Object({ input: Amount, output: Amount, input_cache_read: Amount })),
    per_step: Type.Optional(Amount),
    per_request: Type.Optional(Amount),
    hourly_price_range: Type.Optional(Type.Object({ usd: Span, tao: Type.Optional(Span) })),
  },
  { description: "what somebody pays with whom nothing was agreed; TAO only while its price is known" },
);

const Cord = Type.Object(Object.fromEntries(CORD_KEYS.map((key) => [key, Type.Optional(Type.Unknown())])), {
  description: "a function of the chute; its three schemas are the developer's own JSON",
});

const NodeSelectorObject = Type.Object({
  gpu_count: Type.Optional(Type.Integer()),
  min_vram_gb_per_gpu: Type.Optional(Type.Integer()),
  max_hourly_price_per_gpu: Type.Optional(NullableNumber),
  include: Type.Optional(orNull(Type.Array(Type.String()))),
  exclude: Type.Optional(orNull(Type.Array(Type.String()))),
  dynamic: Type.Optional(Type.Boolean()),
  compute_multiplier: Type.Number(),
  supported_gpus: Type.Array(Type.String()),
});

const InstanceObject = Type.Object({
  instance_id: Type.String(),
  region: Type.String(),
  active: Type.Boolean(),
  verified: Type.Boolean(),
  last_verified_at: NullableText,
});

const Members = Type.Object({
  chute_id: Type.String(),
  name: Type.String(),
  tagline: Type.String(),
  readme: Type.String(),
  public: Type.Boolean(),
  version: Type.String(),
  tool_description: NullableText,
  slug: Type.String(),
  standard_template: NullableText,
  cords: orNull(Type.Array(Cord), "null in lists, which keep them under cord_refs"),
  jobs: Type.Array(Type.Unknown()),
  cord_ref_id: orNull(Type.String(), "key of cord_refs in lists"),
  created_at: Type.String(),
  updated_at: Type.String(),
  image: ImageObject,
  user: CardObject,
  supported_gpus: Type.Array(Type.String()),
  node_selector: NodeSelectorObject,
  invocation_count: Type.Integer({ description: "calls of the past day" }),
  current_estimated_price: PriceObject,
  instances: Type.Array(InstanceObject),
  logo_id: NullableText,
  openrouter: Type.Boolean(),
  chutes_version: NullableText,
  revision: NullableText,
  concurrency: orNull(Type.Integer()),
  boost: NullableNumber,
  max_instances: orNull(Type.Integer()),
  scaling_threshold: NullableNumber,
  shutdown_after_seconds: orNull(Type.Integer()),
  allow_external_egress: Type.Boolean(),
  tee: Type.Boolean(),
  lock_modules: Type.Boolean(),
  disabled: Type.Boolean(),
  preemptible: Type.Boolean(),
  effective_compute_multiplier: Type.Number(),
  compute_multiplier_factors: Type.Record(Type.String(), Type.Number()),
  bounty: orNull(Type.Integer(), "compute units of the open bounty"),
  execution_backend: Type.String(),
  logo: NullableText,
  hot: Type.Boolean({ description: "an instance serves" }),
});

/** Wire form of `chuteObject`. @see protocol 03 §9.2 */
export const ChuteObject = Type.Unsafe<ReturnType<typeof chuteObject>>(Members);

/** What `GET /chutes/` answers. @see protocol 03 §9.3 */
export const ChuteListObject = Type.Object({
  total: Type.Integer(),
  page: Type.Integer(),
  limit: Type.Integer(),
  items: Type.Array(Members),
  cord_refs: Type.Record(Type.String(), Type.Array(Cord)),
});
