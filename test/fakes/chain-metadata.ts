import { bool, bytes, compact, hex, list, option, text, u8, u16, u32, u64 } from "./chain-scale.js";

/** Field of a struct or variant: name (empty for tuple fields) and type id. */
type Fields = readonly (readonly [name: string, type: number])[];
type Variants = readonly (readonly [name: string, index: number, fields: Fields])[];

const NO_DOCS = list([]);
const PRIMITIVES = ["bool", "char", "str", "u8", "u16", "u32", "u64", "u128"] as const;
const DEF = { composite: 0, variant: 1, sequence: 2, array: 3, tuple: 4, primitive: 5, compact: 6 };

/** The portable type table of a metadata document. */
class TypeTable {
  readonly #entries: Buffer[] = [];
  readonly #ids = new Map<string, number>();

  encode(): Buffer {
    return list(this.#entries.map((entry, id) => Buffer.concat([compact(id), entry])));
  }

  primitive(name: (typeof PRIMITIVES)[number]): number {
    return this.#add("", [], u8(DEF.primitive), u8(PRIMITIVES.indexOf(name)));
  }

  compact(type: number): number {
    return this.#add("", [], u8(DEF.compact), compact(type));
  }

  vec(type: number): number {
    return this.#add("", [], u8(DEF.sequence), compact(type));
  }

  array(length: number, type: number): number {
    return this.#add("", [], u8(DEF.array), u32(length), compact(type));
  }

  tuple(...types: number[]): number {
    return this.#add("", [], u8(DEF.tuple), list(types.map(compact)));
  }

  struct(path: string, fields: Fields, params: Fields = []): number {
    return this.#add(path, params, u8(DEF.composite), encodeFields(fields));
  }

  variant(path: string, variants: Variants, params: Fields = []): number {
    return this.#add(path, params, u8(DEF.variant), encodeVariants(variants));
  }

  option(type: number): number {
    const variants: Variants = [
      ["None", 0, []],
      ["Some", 1, [["", type]]],
    ];
    return this.variant("Option", variants, [["T", type]]);
  }

  /** A place for a type that contains itself. */
  reserve(): number {
    return this.#entries.push(Buffer.alloc(0)) - 1;
  }

  fill(id: number, path: string, variants: Variants): void {
    this.#entries[id] = encodeType(path, [], u8(DEF.variant), encodeVariants(variants));
  }

  #add(path: string, params: Fields, ...definition: Buffer[]): number {
    const entry = encodeType(path, params, ...definition);
    const known = this.#ids.get(hex(entry));
    if (known !== undefined) return known;
    const id = this.#entries.push(entry) - 1;
    this.#ids.set(hex(entry), id);
    return id;
  }
}

function encodeType(path: string, params: Fields, ...definition: Buffer[]): Buffer {
  const steps = path === "" ? [] : path.split("::");
  const parameters = params.map(([name, type]) => Buffer.concat([text(name), option(compact(type))]));
  return Buffer.concat([list(steps.map(text)), list(parameters), ...definition, NO_DOCS]);
}

function encodeFields(fields: Fields): Buffer {
  return list(
    fields.map(([name, type]) =>
      Buffer.concat([option(name === "" ? undefined : text(name)), compact(type), option(undefined), NO_DOCS]),
    ),
  );
}

function encodeVariants(variants: Variants): Buffer {
  return list(
    variants.map(([name, index, fields]) => Buffer.concat([text(name), encodeFields(fields), u8(index), NO_DOCS])),
  );
}

const HASHER = { blake2Concat: 2, twox64Concat: 5, identity: 6 };

interface StorageItem {
  readonly name: string;
  readonly keys?: readonly (readonly [hasher: number, type: number])[];
  readonly value: number;
  /** Absent: the item is optional. */
  readonly fallback?: Buffer;
}

function encodeStorage(types: TypeTable, prefix: string, items: readonly StorageItem[]): Buffer {
  const encoded = items.map(({ name, keys = [], value, fallback }) => {
    const keyTypes = keys.map(([, type]) => type);
    const key = keyTypes.length === 1 ? (keyTypes[0] ?? 0) : types.tuple(...keyTypes);
    const hashers = list(keys.map(([hasher]) => u8(hasher)));
    const type =
      keys.length === 0
        ? Buffer.concat([u8(0), compact(value)])
        : Buffer.concat([u8(1), hashers, compact(key), compact(value)]);
    return Buffer.concat([text(name), bool(fallback !== undefined), type, bytes(fallback ?? u8(0)), NO_DOCS]);
  });
  return Buffer.concat([text(prefix), list(encoded)]);
}

interface Pallet {
  readonly name: string;
  readonly index: number;
  readonly storage?: readonly StorageItem[];
  readonly calls?: number;
  readonly events?: number;
  readonly errors?: number;
  readonly constants?: readonly (readonly [name: string, type: number, value: Buffer])[];
}

function encodePallet(types: TypeTable, pallet: Pallet): Buffer {
  const optional = (type: number | undefined) => option(type === undefined ? undefined : compact(type));
  const constants = (pallet.constants ?? []).map(([name, type, value]) =>
    Buffer.concat([text(name), compact(type), bytes(value), NO_DOCS]),
  );
  return Buffer.concat([
    text(pallet.name),
    option(pallet.storage === undefined ? undefined : encodeStorage(types, pallet.name, pallet.storage)),
    optional(pallet.calls),
    optional(pallet.events),
    list(constants),
    optional(pallet.errors),
    u8(pallet.index),
    NO_DOCS,
  ]);
}

/** Errors of the weights pallet in this document, by the index that a failed event carries. */
export const SUBTENSOR_ERRORS = ["HotKeyNotRegisteredInSubNet", "SettingWeightsTooFast", "NeuronNoValidatorPermit"];

export interface MetadataOptions {
  /** A transaction extension, beyond the usual ones, that carries a byte or nothing. */
  readonly extraExtension?: { readonly name: string; readonly carriesByte: boolean };
  /** Leaves the newer metagraph call out. */
  readonly onlyNeuronsLite?: boolean;
}

/**
 * Metadata (version 15) with the pallets, calls, storage and runtime calls that protocol 07 §1 lists, with its indices, hashers and
 * layouts. It is written from those tables; it is no real runtime's document.
 */
export function buildMetadata(options: MetadataOptions = {}): Buffer {
  const types = new TypeTable();
  const [bool_, u8_, u16_, u32_, u64_, u128_] = [
    types.primitive("bool"),
    types.primitive("u8"),
    types.primitive("u16"),
    types.primitive("u32"),
    types.primitive("u64"),
    types.primitive("u128"),
  ];
  const unit = types.tuple();
  const blob = types.vec(u8_);
  const bytes32 = types.array(32, u8_);
  const account = types.struct("sp_core::crypto::AccountId32", [["", bytes32]]);
  const data = types.variant("pallet_commitments::types::Data", [
    ["None", 0, []],
    ["BlakeTwo256", 130, [["", bytes32]]],
    ["Sha256", 131, [["", bytes32]]],
  ]);
  const info = types.struct("pallet_commitments::types::CommitmentInfo", [["fields", types.vec(data)]]);
  const registration = types.struct("pallet_commitments::types::Registration", [
    ["deposit", u64_],
    ["block", u32_],
    ["info", info],
  ]);
  const address = types.variant(
    "sp_runtime::multiaddress::MultiAddress",
    [["Id", 0, [["", account]]]],
    [
      ["AccountId", account],
      ["AccountIndex", unit],
    ],
  );
  const call = types.reserve();
  const palletCalls = {
    System: types.variant("frame_system::pallet::Call", [["remark", 0, [["remark", blob]]]]),
    Timestamp: types.variant("pallet_timestamp::pallet::Call", [["set", 0, [["now", types.compact(u64_)]]]]),
    SubtensorModule: types.variant("pallet_subtensor::pallet::Call", [
      [
        "set_weights",
        0,
        [
          ["netuid", u16_],
          ["dests", types.vec(u16_)],
          ["weights", types.vec(u16_)],
          ["version_key", u64_],
        ],
      ],
    ]),
    Balances: types.variant("pallet_balances::pallet::Call", [
      [
        "transfer_all",
        4,
        [
          ["dest", address],
          ["keep_alive", bool_],
        ],
      ],
    ]),
    Utility: types.variant("pallet_utility::pallet::Call", [
      ["batch", 0, [["calls", types.vec(call)]]],
      ["force_batch", 4, [["calls", types.vec(call)]]],
    ]),
    Proxy: types.variant("pallet_proxy::pallet::Call", [
      [
        "proxy",
        0,
        [
          ["real", address],
          ["force_proxy_type", types.option(u8_)],
          ["call", call],
        ],
      ],
    ]),
    Commitments: types.variant("pallet_commitments::pallet::Call", [
      [
        "set_commitment",
        0,
        [
          ["netuid", u16_],
          ["info", info],
        ],
      ],
    ]),
  };
  const indices = { System: 0, Timestamp: 2, Balances: 5, SubtensorModule: 7, Utility: 11, Proxy: 16, Commitments: 18 };
  const named = Object.entries(palletCalls) as [keyof typeof indices, number][];
  types.fill(
    call,
    "node_subtensor_runtime::RuntimeCall",
    named.map(([name, type]) => [name, indices[name], [["", type]]]),
  );

  const moduleError = types.struct("sp_runtime::ModuleError", [
    ["index", u8_],
    ["error", types.array(4, u8_)],
  ]);
  const dispatchError = types.variant("sp_runtime::DispatchError", [
    ["Other", 0, []],
    ["BadOrigin", 2, []],
    ["Module", 3, [["", moduleError]]],
  ]);
  const dispatchInfo = types.struct("frame_system::DispatchEventInfo", [["weight", types.compact(u64_)]]);
  const systemEvent = types.variant("frame_system::pallet::Event", [
    ["ExtrinsicSuccess", 0, [["dispatch_info", dispatchInfo]]],
    [
      "ExtrinsicFailed",
      1,
      [
        ["dispatch_error", dispatchError],
        ["dispatch_info", dispatchInfo],
      ],
    ],
  ]);
  const commitmentEvent = types.variant("pallet_commitments::pallet::Event", [
    [
      "Commitment",
      0,
      [
        ["netuid", u16_],
        ["who", account],
      ],
    ],
  ]);
  const event = types.variant("node_subtensor_runtime::RuntimeEvent", [
    ["System", indices.System, [["", systemEvent]]],
    ["Commitments", indices.Commitments, [["", commitmentEvent]]],
  ]);
  const phase = types.variant("frame_system::Phase", [
    ["ApplyExtrinsic", 0, [["", u32_]]],
    ["Finalization", 1, []],
    ["Initialization", 2, []],
  ]);
  const hash = types.struct("primitive_types::H256", [["", bytes32]]);
  const eventRecord = types.struct(
    "frame_system::EventRecord",
    [
      ["phase", phase],
      ["event", event],
      ["topics", types.vec(hash)],
    ],
    [
      ["E", event],
      ["T", hash],
    ],
  );
  const subtensorError = types.variant(
    "pallet_subtensor::pallet::Error",
    SUBTENSOR_ERRORS.map((name, index) => [name, index, []]),
  );

  const accountInfo = types.struct("frame_system::AccountInfo", [
    ["nonce", u32_],
    ["consumers", u32_],
    ["providers", u32_],
    ["sufficients", u32_],
    [
      "data",
      types.struct("pallet_balances::types::AccountData", [
        ["free", u64_],
        ["reserved", u64_],
        ["frozen", u64_],
        ["flags", u128_],
      ]),
    ],
  ]);
  const netuidKey = [HASHER.identity, u16_] as const;
  const pair = types.tuple(u16_, u16_);
  const pallets: Pallet[] = [
    {
      name: "System",
      index: indices.System,
      storage: [
        { name: "Events", value: types.vec(eventRecord), fallback: list([]) },
        { name: "Number", value: u32_, fallback: u32(0) },
        { name: "Account", keys: [[HASHER.blake2Concat, account]], value: accountInfo, fallback: Buffer.alloc(56) },
      ],
      calls: palletCalls.System,
      events: systemEvent,
      constants: [
        ["BlockHashCount", u32_, u32(2400)],
        ["SS58Prefix", u16_, u16(42)],
      ],
    },
    { name: "Timestamp", index: indices.Timestamp, calls: palletCalls.Timestamp },
    {
      name: "SubtensorModule",
      index: indices.SubtensorModule,
      storage: [
        { name: "CommitRevealWeightsEnabled", keys: [netuidKey], value: bool_, fallback: bool(true) },
        { name: "WeightsSetRateLimit", keys: [netuidKey], value: u64_, fallback: u64(100) },
        { name: "WeightsVersionKey", keys: [netuidKey], value: u64_, fallback: u64(0) },
        { name: "MinAllowedWeights", keys: [netuidKey], value: u16_, fallback: u16(1024) },
        { name: "MaxWeightsLimit", keys: [netuidKey], value: u16_, fallback: u16(1000) },
        { name: "Weights", keys: [netuidKey, netuidKey], value: types.vec(pair), fallback: list([]) },
      ],
      calls: palletCalls.SubtensorModule,
      errors: subtensorError,
    },
    { name: "Balances", index: indices.Balances, calls: palletCalls.Balances },
    { name: "Utility", index: indices.Utility, calls: palletCalls.Utility },
    { name: "Proxy", index: indices.Proxy, calls: palletCalls.Proxy },
    {
      name: "Commitments",
      index: indices.Commitments,
      storage: [{ name: "CommitmentOf", keys: [netuidKey, [HASHER.twox64Concat, account]], value: registration }],
      calls: palletCalls.Commitments,
      events: commitmentEvent,
    },
  ];

  const empty = types.struct("frame_system::extensions::Empty", []);
  const era = types.variant("sp_runtime::generic::era::Era", [["Immortal", 0, []]]);
  const metadataHash = types.option(bytes32);
  const extra = options.extraExtension;
  const extensions: [string, number, number][] = [
    ["CheckNonZeroSender", empty, unit],
    ["CheckSpecVersion", empty, u32_],
    ["CheckTxVersion", empty, u32_],
    ["CheckGenesis", empty, hash],
    ["CheckMortality", era, hash],
    ["CheckNonce", types.compact(u32_), unit],
    ["CheckWeight", empty, unit],
    ["ChargeTransactionPayment", types.compact(u64_), unit],
    ["SubtensorTransactionExtension", empty, unit],
    ...(extra === undefined
      ? []
      : ([[extra.name, extra.carriesByte ? u8_ : empty, unit]] as [string, number, number][])),
    [
      "CheckMetadataHash",
      types.struct("frame_metadata_hash_extension::CheckMetadataHash", [["mode", u8_]]),
      metadataHash,
    ],
  ];
  const signature = types.variant("sp_runtime::MultiSignature", [["Sr25519", 1, [["", types.array(64, u8_)]]]]);
  const envelope: Fields = [
    ["Address", address],
    ["Call", call],
    ["Signature", signature],
    ["Extra", unit],
  ];
  types.struct("sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic", [["", blob]], envelope);
  const extrinsic = Buffer.concat([
    u8(4),
    compact(address),
    compact(call),
    compact(signature),
    compact(unit),
    list(extensions.map(([name, type, implicit]) => Buffer.concat([text(name), compact(type), compact(implicit)]))),
  ]);

  const axon = types.struct("pallet_subtensor::pallet::AxonInfo", [
    ["block", u64_],
    ["version", u32_],
    ["ip", u128_],
    ["port", u16_],
    ["ip_type", u8_],
    ["protocol", u8_],
    ["placeholder1", u8_],
    ["placeholder2", u8_],
  ]);
  const small = types.compact(u16_);
  const large = types.compact(u64_);
  const metagraph = types.struct("pallet_subtensor::rpc_info::metagraph::Metagraph", [
    ["netuid", small],
    ["block", large],
    ["hotkeys", types.vec(account)],
    ["coldkeys", types.vec(account)],
    ["axons", types.vec(axon)],
    ["active", types.vec(bool_)],
    ["validator_permit", types.vec(bool_)],
    ["last_update", types.vec(large)],
    ["incentives", types.vec(small)],
    ["consensus", types.vec(small)],
    ["trust", types.vec(small)],
    ["rank", types.vec(small)],
    ["alpha_stake", types.vec(large)],
    ["tao_stake", types.vec(large)],
    ["total_stake", types.vec(large)],
  ]);
  const neuronLite = types.struct("pallet_subtensor::rpc_info::neuron_info::NeuronInfoLite", [
    ["hotkey", account],
    ["coldkey", account],
    ["uid", small],
    ["netuid", small],
    ["axon_info", axon],
    ["stake", types.vec(types.tuple(account, large))],
    ["incentive", small],
    ["consensus", small],
    ["last_update", large],
    ["validator_permit", bool_],
  ]);
  const runtimeCall = (api: string, method: string, output: number) =>
    Buffer.concat([
      text(api),
      list([
        Buffer.concat([text(method), list([Buffer.concat([text("netuid"), compact(u16_)])]), compact(output), NO_DOCS]),
      ]),
      NO_DOCS,
    ]);
  const apis = [runtimeCall("NeuronInfoRuntimeApi", "get_neurons_lite", types.vec(neuronLite))];
  if (options.onlyNeuronsLite !== true) {
    apis.push(runtimeCall("SubnetInfoRuntimeApi", "get_metagraph", types.option(metagraph)));
  }

  const encodedPallets = list(pallets.map((pallet) => encodePallet(types, pallet)));
  const outerError = types.variant("node_subtensor_runtime::RuntimeError", []);
  const outerEnums = Buffer.concat([compact(call), compact(event), compact(outerError)]);
  const noCustomValues = list([]);
  return Buffer.concat([
    Buffer.from("meta", "ascii"),
    u8(15),
    types.encode(),
    encodedPallets,
    extrinsic,
    compact(unit),
    list(apis),
    outerEnums,
    noCustomValues,
  ]);
}
