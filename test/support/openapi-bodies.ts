import type { FuzzWorld } from "./openapi-world.js";

/** A body that its route takes, to be sent as it is, or damaged. */
export interface SeedBody {
  readonly route: RegExp;
  readonly value: (world: FuzzWorld) => unknown;
}

const SELECTOR = {
  gpu_count: 1,
  min_vram_gb_per_gpu: 24,
  max_hourly_price_per_gpu: null,
  include: null,
  exclude: null,
};
const CORD = {
  method: "POST",
  path: "/hello",
  public_api_path: "/hello",
  public_api_method: "POST",
  stream: false,
  function: "hello",
  input_schema: {},
  output_schema: null,
  output_content_type: null,
  minimal_input_schema: null,
  passthrough: false,
};
/** The stored form of one function. */
export function cordsJson(): string {
  return JSON.stringify([CORD]);
}

const JOB = { ports: [{ name: "web", port: 8080, proto: "tcp" }], timeout: 3600, name: "train", upload: true };

/** The deploy request of the stock SDK. @see protocol 03 §5.1 */
export function deploySeed(image: string, name: string): Record<string, unknown> {
  return {
    name,
    tagline: "",
    readme: "",
    logo_id: null,
    image,
    public: false,
    standard_template: null,
    node_selector: SELECTOR,
    filename: "my_app.py",
    ref_str: "my_app:chute",
    code: 'print("hi")\n',
    concurrency: 1,
    max_instances: 1,
    scaling_threshold: 0.75,
    shutdown_after_seconds: 300,
    allow_external_egress: false,
    encrypted_fs: false,
    tee: false,
    lock_modules: null,
    revision: null,
    cords: [CORD],
    jobs: [],
  };
}

const EASY = { tagline: "", tool_description: "", readme: "", public: true, node_selector: SELECTOR, logo_id: null };
const NODE = {
  uuid: "0123456789abcdef0123456789abcdef",
  name: "NVIDIA H100 80GB HBM3",
  memory: 85_024_112_640,
  major: 9,
  minor: 0,
  processors: 132,
  sxm: true,
  clock_rate: 1_980_000,
  max_threads_per_processor: 2048,
  concurrent_kernels: true,
  ecc: true,
  device_index: 0,
  verification_host: "127.0.0.1",
  verification_port: 31_000,
  gpu_identifier: "h100_sxm",
};

/** First match wins. @see protocol 01, 03, 04, 05 */
export const SEED_BODIES: readonly SeedBody[] = [
  { route: /^POST \/users\/register$/, value: ({ coldkey }) => ({ username: "new_user", coldkey, logo_id: null }) },
  { route: /^POST \/users\/create_user$/, value: () => ({ username: "made_user", logo_id: null }) },
  { route: /^POST \/users\/login$/, value: ({ doomed }) => ({ fingerprint: doomed.fingerprint }) },
  { route: /\/change_fingerprint$/, value: () => ({ fingerprint: "another-fingerprint-0123456789" }) },
  { route: /\/change_bt_auth$/, value: ({ coldkey }) => ({ coldkey, hotkey: coldkey }) },
  { route: /\/balance_transfer$/, value: ({ dev }) => ({ user_id: dev.userId, amount: 0.5 }) },
  {
    route: /\/admin_balance_change$/,
    value: ({ doomed }) => ({ user_id: doomed.userId, amount: 1.5, reason: "generated" }),
  },
  { route: /\/batch_user_lookup$/, value: ({ dev, admin }) => ({ user_ids: [dev.userId, admin.userId] }) },
  { route: /\/enable_invoicing$/, value: () => ({ unlimited: true }) },
  { route: /\/quotas$/, value: ({ chuteId }) => ({ "*": 10, [chuteId]: 5 }) },
  { route: /\/job_quotas$/, value: ({ chuteId }) => ({ "*": 1, [chuteId]: 2 }) },
  { route: /\/discounts$/, value: ({ chuteId }) => ({ "*": 0.5, [chuteId]: 0.25 }) },
  {
    route: /price_overrides?/,
    value: ({ chuteId }) => ({
      chute_id: chuteId,
      per_request: 0.1,
      per_million_in: 1,
      per_million_out: 2,
      per_step: null,
    }),
  },
  { route: /\/effective_date$/, value: () => ({ effective_date: "2026-01-01T00:00:00+00:00" }) },
  { route: /^(PATCH|PUT|POST) \/users\/.*permissions/, value: () => ({ grant: ["unlimited"], revoke: [] }) },
  { route: /^DELETE \/users\/\{/, value: () => ({ reason: "generated" }) },
  { route: /^PUT \/users\/me\/logo$/, value: () => ({ logo_id: null }) },
  { route: /return_developer_deposit/, value: ({ coldkey }) => ({ address: coldkey }) },
  {
    route: /^POST \/api_keys\/$/,
    value: ({ chuteId }) => ({
      name: "generated",
      admin: false,
      scopes: [{ object_type: "chutes", object_id: chuteId, action: "invoke" }],
    }),
  },
  { route: /^POST \/secrets\/$/, value: ({ chuteName }) => ({ purpose: chuteName, key: "HF_TOKEN", value: "hf_x" }) },
  {
    route: /^POST \/chutes\/(un)?share$/,
    value: ({ chuteName, dev }) => ({ chute_id_or_name: chuteName, user_id_or_name: dev.userId }),
  },
  { route: /^POST \/chutes\/make_public$/, value: ({ chuteId }) => ({ chutes: [chuteId] }) },
  {
    route: /^POST \/chutes\/vllm$/,
    value: () => ({
      model: "org/name",
      revision: null,
      engine_args: { max_model_len: 16_384 },
      concurrency: 8,
      ...EASY,
    }),
  },
  { route: /^POST \/chutes\/diffusion$/, value: () => ({ model: "org/name", name: "easy", ...EASY }) },
  { route: /^POST \/chutes\/tei$/, value: () => ({ model: "org/name", endpoints: ["embed"], ...EASY }) },
  {
    route: /^POST \/chutes\/$/,
    value: ({ imageId }) => ({ ...deploySeed(imageId, "generated"), jobs: [], cords: [CORD] }),
  },
  { route: /^POST \/chutes\/\{/, value: () => ({ args: "gAQpLg==", kwargs: "gAR9lC4=" }) },
  {
    route: /^PUT \/chutes\//,
    value: () => ({
      tagline: "t",
      readme: "r",
      tool_description: "d",
      logo_id: null,
      max_instances: 2,
      disabled: false,
    }),
  },
  { route: /\/report$/, value: () => ({ reason: "generated" }) },
  { route: /^POST \/nodes\/$/, value: () => ({ server_id: "s1", nodes: [NODE] }) },
  { route: /launch_config\/\{\w+\}\/graval$/, value: () => ({ proof: { "0": "ab" } }) },
  {
    route: /launch_config/,
    value: () => ({
      gpus: [NODE],
      port_mappings: [{ internal_port: 8000, external_port: 31_000, proto: "tcp" }],
      host: "h",
    }),
  },
  { route: /^P\w+ \/instances\//, value: () => ({ active: true, verified: true }) },
  { route: /^P\w+ \/jobs\//, value: () => ({ status: "complete", result: {}, job: JOB }) },
  { route: /./, value: () => ({ name: "generated" }) },
];

/** Routes that take a form with a file. */
export const FORM_ROUTES = /^POST \/(logos|images)\/$/;
