import type { ApiPromise } from "@polkadot/api";
import { Type } from "typebox";
import type { ChainHead, CommitmentRead, LatestCommitment } from "./client.js";
import { parseAs } from "./local-protocol.js";

const RawBlock = Type.Object({
  block: Type.Object({
    header: Type.Object({ number: Type.String({ pattern: "^0x[0-9a-f]+$" }) }),
    extrinsics: Type.Array(Type.String()),
  }),
});

type Registry = ApiPromise["registry"];
/** A decoded call: its names and its arguments as plain values. */
interface Call {
  readonly section: string;
  readonly method: string;
  readonly args: readonly { toJSON(): unknown }[];
}
interface DecodedExtrinsic {
  readonly signer: string | undefined;
  readonly call: Call;
}

/** A block by its hash. The time is that of its timestamp call, so that a node without the block's state can still tell. */
export async function readBlock(api: ApiPromise, hash: string): Promise<ChainHead> {
  const { number, extrinsics } = await readBody(api, hash);
  const stamp = extrinsics
    .map((extrinsic) => extrinsic?.call)
    .find((call) => call?.section === "timestamp" && call.method === "set");
  if (stamp === undefined && number > 0) throw new Error(`block ${number} has no readable timestamp`);
  return { number, hash, time: new Date(Number(stamp?.args[0]?.toJSON() ?? 0)) };
}

/** Block numbers of this chain are u32. */
const MAX_BLOCK = 0xffff_ffff;

/** Hash of a block of the best chain; undefined when there is none of that number. */
export async function hashOf(api: ApiPromise, number: number): Promise<string | undefined> {
  if (number > MAX_BLOCK) return undefined;
  const hash = await api.rpc.chain.getBlockHash(number);
  return hash.isEmpty ? undefined : hash.toHex();
}

interface Body {
  readonly number: number;
  /** In order; undefined where the bytes cannot be decoded. */
  readonly extrinsics: readonly (DecodedExtrinsic | undefined)[];
}

async function readBody(api: ApiPromise, hash: string): Promise<Body> {
  const [raw, registry] = await Promise.all([api.rpc.chain.getBlock.raw(hash), registryAt(api, hash)]);
  const { block } = parseAs(RawBlock, raw, "block");
  return {
    number: Number(block.header.number),
    extrinsics: block.extrinsics.map((hex) => decodeExtrinsic(registry, hex)),
  };
}

/** Types of the block's own runtime; the current ones where the node no longer has that state. */
async function registryAt(api: ApiPromise, hash: string): Promise<Registry> {
  try {
    const { registry } = await api.getBlockRegistry(Buffer.from(hash.slice(2), "hex"));
    return registry as Registry;
  } catch {
    return api.registry;
  }
}

function decodeExtrinsic(registry: Registry, hex: string): DecodedExtrinsic | undefined {
  try {
    const extrinsic = registry.createType("Extrinsic", hex);
    return { signer: extrinsic.isSigned ? extrinsic.signer.toString() : undefined, call: extrinsic.method };
  } catch {
    return undefined;
  }
}

interface Where {
  readonly netuid: number;
  readonly hotkey: string;
  readonly block: number;
}

/**
 * The hotkey's commitment of exactly that block. The body is searched first, because nodes keep bodies longer than state; where the node
 * still has the block's events only calls that succeeded count. What the body cannot settle is looked up in state.
 * @see protocol 08 §5
 */
export async function readCommitment(api: ApiPromise, where: Where): Promise<CommitmentRead> {
  const hash = await hashOf(api, where.block);
  if (hash === undefined) return { kind: "absent" };
  const found = await searchBody(api, hash, where);
  return found ?? (await readState(api, hash, where));
}

/** What the state at the best head holds for the hotkey. */
export async function readLatestCommitment(
  api: ApiPromise,
  netuid: number,
  hotkey: string,
): Promise<LatestCommitment | undefined> {
  const entry = api.query["commitments"]?.["commitmentOf"];
  if (entry === undefined) throw new Error("the runtime has no Commitments.CommitmentOf");
  const stored: unknown = (await entry(netuid, hotkey)).toJSON();
  if (!isRecord(stored)) return undefined;
  const sha256Hex = sha256Of(stored["info"]);
  return sha256Hex === undefined ? undefined : { sha256Hex, block: Number(stored["block"]) };
}

/** Undefined when the body is missing, holds bytes that cannot be decoded, or leaves open which of several calls succeeded. */
async function searchBody(api: ApiPromise, hash: string, where: Where): Promise<CommitmentRead | undefined> {
  const body = await readBody(api, hash).catch(() => undefined);
  if (body === undefined) return undefined;
  const made = body.extrinsics.map((extrinsic) => commitmentsOf(extrinsic, where));
  const succeeded = made.some((hashes) => hashes.length > 0)
    ? await successesPerExtrinsic(api, hash, where)
    : undefined;
  let last: string | undefined;
  for (const [index, hashes] of made.entries()) {
    const count = succeeded === undefined ? hashes.length : (succeeded.get(index) ?? 0);
    if (count === 0) continue;
    if (count !== hashes.length) return undefined;
    last = hashes.at(-1);
  }
  if (last !== undefined) return { kind: "sha256", hex: last };
  return body.extrinsics.includes(undefined) ? undefined : { kind: "absent" };
}

function commitmentsOf(extrinsic: DecodedExtrinsic | undefined, where: Where): string[] {
  if (extrinsic?.signer === undefined) return [];
  const calls = [...unwrap(extrinsic.call, extrinsic.signer)];
  return calls.flatMap(({ call, origin }) => {
    const isOurs = origin === where.hotkey && call.section === "commitments" && call.method === "setCommitment";
    if (!isOurs || call.args[0]?.toJSON() !== where.netuid) return [];
    return sha256Of(call.args[1]?.toJSON()) ?? [];
  });
}

/** Deeper nesting than this is nobody's honest commitment. */
const MAX_NESTING = 4;

function* unwrap(call: Call, origin: string, depth = 0): Generator<{ call: Call; origin: string }> {
  yield { call, origin };
  if (depth === MAX_NESTING) return;
  if (call.section === "utility" && ["batch", "batchAll", "forceBatch"].includes(call.method)) {
    for (const inner of Array.from(call.args[0] as unknown as Iterable<Call>)) yield* unwrap(inner, origin, depth + 1);
  }
  if (call.section === "proxy" && call.method === "proxy") {
    yield* unwrap(call.args[2] as unknown as Call, accountOf(call.args[0]?.toJSON()), depth + 1);
  }
}

/** An account argument is written as `{id: address}` or as the bare address. */
function accountOf(argument: unknown): string {
  if (typeof argument === "object" && argument !== null && "id" in argument) return String(argument.id);
  return String(argument);
}

interface EventRecord {
  readonly phase: { readonly isApplyExtrinsic: boolean; readonly asApplyExtrinsic: { toNumber(): number } };
  readonly event: {
    readonly section: string;
    readonly method: string;
    readonly data: readonly { toJSON(): unknown }[];
  };
}

/** Number of the hotkey's successful commitments by extrinsic index; undefined when the node has discarded the block's events. */
async function successesPerExtrinsic(
  api: ApiPromise,
  hash: string,
  where: Where,
): Promise<Map<number, number> | undefined> {
  const at = await api.at(hash).catch(() => undefined);
  const events = await at?.query["system"]?.["events"]?.().catch(() => undefined);
  if (events === undefined) return undefined;
  const counts = new Map<number, number>();
  for (const { phase, event } of events as unknown as Iterable<EventRecord>) {
    const isOurs = event.section === "commitments" && event.method === "Commitment" && phase.isApplyExtrinsic;
    if (!isOurs || event.data[0]?.toJSON() !== where.netuid || event.data[1]?.toJSON() !== where.hotkey) continue;
    const index = phase.asApplyExtrinsic.toNumber();
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return counts;
}

async function readState(api: ApiPromise, hash: string, where: Where): Promise<CommitmentRead> {
  const at = await api.at(hash).catch(() => undefined);
  const entry = at?.query["commitments"]?.["commitmentOf"];
  const stored: unknown = await entry?.(where.netuid, where.hotkey).then(
    (value) => value.toJSON(),
    () => undefined,
  );
  if (stored === undefined) return { kind: "unreadable" };
  if (!isRecord(stored) || stored["block"] !== where.block) return { kind: "absent" };
  const hex = sha256Of(stored["info"]);
  return hex === undefined ? { kind: "absent" } : { kind: "sha256", hex };
}

/** First SHA-256 field of a commitment, bare hex. */
function sha256Of(info: unknown): string | undefined {
  const fields: unknown[] = isRecord(info) && Array.isArray(info["fields"]) ? info["fields"] : [];
  const field = fields.find((candidate) => isRecord(candidate) && typeof candidate["sha256"] === "string");
  return isRecord(field) ? String(field["sha256"]).replace(/^0x/, "") : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
