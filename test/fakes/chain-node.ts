import { blake2AsU8a } from "@polkadot/util-crypto";
import type { Running } from "../../src/kernel/lifecycle.js";
import { buildMetadata, type MetadataOptions } from "./chain-metadata.js";
import { bytes, compact, hex, list, option, readCompact, u8, u16, u32, unhex } from "./chain-scale.js";
import { serveWebSocket, type TextSocket } from "./chain-websocket.js";

/** twox128("System") ‖ twox128("Events"). */
const EVENTS_KEY = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";
/** blake2-64("Metadata"): the node offers the runtime call for metadata, version 2. */
const METADATA_API: [string, number] = ["0x37e397fc7c91f5e4", 2];
const SPEC_VERSION = 425;
const TRANSACTION_VERSION = 1;
const ZERO_HASH = Buffer.alloc(32);

export interface FakeBlock {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly extrinsics: readonly string[];
}

/** What becomes of a submitted transaction. */
export type Verdict =
  | { readonly kind: "success" }
  | { readonly kind: "failed"; readonly pallet: number; readonly error: number }
  | { readonly kind: "pool"; readonly code: number; readonly message: string; readonly data?: string }
  | { readonly kind: "dropped" }
  | { readonly kind: "silent" };

/** A signed transaction taken apart by hand. */
export interface Submitted {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly nonce: number;
  readonly callData: string;
  /** The bytes that must have been signed, before hashing. */
  readonly payload: Uint8Array;
}

export interface FakeNode extends Running {
  readonly url: string;
  readonly blocks: FakeBlock[];
  /** Storage by full key, hex with 0x, of the best block. */
  readonly storage: Map<string, string>;
  /** Storage of single blocks, by hash; what is missing there reads as absent. */
  readonly storageAt: Map<string, Map<string, string>>;
  /** Answers of runtime calls by `Api_method`. */
  readonly runtimeCalls: Map<string, (input: string) => Uint8Array>;
  /** Hashes of blocks whose state, or whose body, the node no longer has. */
  readonly discardedState: Set<string>;
  readonly discardedBodies: Set<string>;
  /** Methods that were called, with their parameters. */
  readonly calls: { readonly method: string; readonly params: readonly unknown[] }[];
  readonly submitted: Submitted[];
  verdict: Verdict;
  /** Methods that are never answered. */
  readonly mute: Set<string>;
  nextNonce: number;
  addBlock(content: { extrinsics: readonly Uint8Array[]; timeMs: number; events?: readonly Uint8Array[] }): FakeBlock;
  dropClients(): void;
}

/**
 * A node that speaks a substrate node's JSON-RPC over WebSocket: blocks with real header hashes, state by storage key, runtime calls, and a
 * pool that puts each transaction into a block of its own. It executes nothing: tests say what state holds and what becomes of a call.
 */
export async function startFakeNode(options: MetadataOptions = {}): Promise<FakeNode> {
  const methods = new Map<string, (params: readonly unknown[], socket: TextSocket) => unknown>();
  const server = await serveWebSocket((socket, message) => {
    const { id, method, params = [] } = JSON.parse(message) as { id: number; method: string; params?: unknown[] };
    node.calls.push({ method, params });
    if (node.mute.has(method)) return;
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...answer(methods.get(method), params, socket) }));
  });
  const node = newNode(server);
  node.runtimeCalls.set("Metadata_metadata_versions", () => list([u32(15)]));
  node.runtimeCalls.set("Metadata_metadata_at_version", () => option(bytes(buildMetadata(options))));
  node.addBlock({ extrinsics: [], timeMs: 0 });
  for (const [name, method] of Object.entries({ ...chainMethods(node), ...stateMethods(node), ...poolMethods(node) })) {
    methods.set(name, method);
  }
  methods.set("rpc_methods", () => ({ methods: [...methods.keys()] }));
  return node;
}

class RpcFailure extends Error {
  readonly code: number;
  readonly data: string | undefined;
  constructor(code: number, message: string, data?: string) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

type Method = (params: readonly unknown[], socket: TextSocket) => unknown;

function answer(method: Method | undefined, params: readonly unknown[], socket: TextSocket): object {
  if (method === undefined) return { error: { code: -32_601, message: "Method not found" } };
  try {
    return { result: method(params, socket) };
  } catch (error) {
    if (!(error instanceof RpcFailure)) throw error;
    return {
      error: { code: error.code, message: error.message, ...(error.data === undefined ? {} : { data: error.data }) },
    };
  }
}

function newNode(server: Running & { url: string; dropClients(): void }): FakeNode {
  const blocks: FakeBlock[] = [];
  const storageAt = new Map<string, Map<string, string>>();
  return {
    url: server.url,
    blocks,
    storage: new Map(),
    storageAt,
    runtimeCalls: new Map(),
    discardedState: new Set(),
    discardedBodies: new Set(),
    calls: [],
    submitted: [],
    verdict: { kind: "success" },
    mute: new Set(),
    nextNonce: 0,
    addBlock({ extrinsics, timeMs, events = [] }) {
      const parentHash = blocks.at(-1)?.hash ?? hex(ZERO_HASH);
      const number = blocks.length;
      const all = number === 0 ? [] : [timestampExtrinsic(timeMs), ...extrinsics];
      const hash = hex(blake2AsU8a(encodeHeader(parentHash, number), 256));
      const block = { number, hash, parentHash, extrinsics: all.map(hex) };
      blocks.push(block);
      storageAt.set(hash, new Map([[EVENTS_KEY, hex(list(events))]]));
      return block;
    },
    dropClients: () => server.dropClients(),
    close: () => server.close(),
  };
}

function encodeHeader(parentHash: string, number: number): Buffer {
  return Buffer.concat([unhex(parentHash), compact(number), ZERO_HASH, ZERO_HASH, list([])]);
}

function timestampExtrinsic(timeMs: number): Buffer {
  return bytes(Buffer.concat([u8(4), Buffer.from([2, 0]), compact(timeMs)]));
}

function headerOf(node: FakeNode, hash: unknown): object | null {
  const block = hash === undefined || hash === null ? node.blocks.at(-1) : node.blocks.find((one) => one.hash === hash);
  if (block === undefined) return null;
  const root = hex(ZERO_HASH);
  const number = `0x${block.number.toString(16)}`;
  return { parentHash: block.parentHash, number, stateRoot: root, extrinsicsRoot: root, digest: { logs: [] } };
}

function chainMethods(node: FakeNode): Record<string, Method> {
  return {
    system_chain: () => "Fake",
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: "TAO" }),
    system_accountNextIndex: () => node.nextNonce,
    chain_getBlockHash: ([number]) =>
      number === undefined || number === null ? node.blocks.at(-1)?.hash : (node.blocks[Number(number)]?.hash ?? null),
    chain_getFinalizedHead: () => node.blocks.at(-3)?.hash ?? node.blocks[0]?.hash,
    chain_getHeader: ([hash]) => headerOf(node, hash),
    chain_getBlock: ([hash]) => {
      const block = node.blocks.find((one) => one.hash === hash);
      if (block === undefined || node.discardedBodies.has(block.hash)) return null;
      return { block: { header: headerOf(node, hash), extrinsics: block.extrinsics }, justifications: null };
    },
  };
}

function stateMethods(node: FakeNode): Record<string, Method> {
  const runtimeVersion = {
    specName: "node-subtensor",
    implName: "node-subtensor",
    authoringVersion: 1,
    specVersion: SPEC_VERSION,
    implVersion: 1,
    apis: [METADATA_API],
    transactionVersion: TRANSACTION_VERSION,
    stateVersion: 1,
  };
  const refuseDiscarded = (hash: unknown) => {
    if (node.discardedState.has(String(hash)))
      throw new RpcFailure(4003, `State already discarded for ${String(hash)}`);
  };
  const read = (key: string, hash: unknown): string | null => {
    refuseDiscarded(hash);
    const at = typeof hash === "string" ? node.storageAt.get(hash) : undefined;
    return (
      at?.get(key) ??
      (hash === undefined || hash === node.blocks.at(-1)?.hash ? node.storage.get(key) : undefined) ??
      null
    );
  };
  return {
    state_getRuntimeVersion: ([hash]) => {
      refuseDiscarded(hash);
      return runtimeVersion;
    },
    state_subscribeRuntimeVersion: (_, socket) => {
      notify(socket, "state_runtimeVersion", runtimeVersion);
      return "subscription";
    },
    state_unsubscribeRuntimeVersion: () => true,
    state_call: ([method, input]) => {
      const run = node.runtimeCalls.get(String(method));
      if (run === undefined) throw new RpcFailure(4003, `Exported method ${String(method)} is not found`);
      return hex(run(String(input)));
    },
    state_getStorage: ([key, hash]) => read(String(key), hash),
    state_queryStorageAt: ([keys, hash]) => [
      { block: node.blocks.at(-1)?.hash, changes: (keys as string[]).map((key) => [key, read(key, hash)]) },
    ],
    state_subscribeStorage: ([keys], socket) => {
      const changes = (keys as string[]).map((key) => [key, read(key, undefined)]);
      notify(socket, "state_storage", { block: node.blocks.at(-1)?.hash, changes });
      return "subscription";
    },
    state_unsubscribeStorage: () => true,
  };
}

/** Sends the first message of a subscription after the answer that names it. */
function notify(socket: TextSocket, method: string, result: unknown): void {
  setImmediate(() => {
    socket.send(JSON.stringify({ jsonrpc: "2.0", method, params: { subscription: "subscription", result } }));
  });
}

function poolMethods(node: FakeNode): Record<string, Method> {
  return {
    author_submitAndWatchExtrinsic: ([extrinsic], socket) => {
      const { verdict } = node;
      node.submitted.push(takeApart(node, unhex(String(extrinsic))));
      if (verdict.kind === "pool") throw new RpcFailure(verdict.code, verdict.message, verdict.data);
      const report = (status: unknown) => notify(socket, "author_extrinsicUpdate", status);
      if (verdict.kind === "dropped") report("dropped");
      if (verdict.kind === "success" || verdict.kind === "failed") {
        report("ready");
        report({ inBlock: include(node, unhex(String(extrinsic)), verdict).hash });
      }
      return "subscription";
    },
    author_unwatchExtrinsic: () => true,
  };
}

function include(node: FakeNode, extrinsic: Buffer, verdict: Verdict): FakeBlock {
  const stamped = systemSuccess(0);
  const outcome = verdict.kind === "failed" ? systemFailure(1, verdict.pallet, verdict.error) : systemSuccess(1);
  return node.addBlock({ extrinsics: [extrinsic], timeMs: node.blocks.length * 12_000, events: [stamped, outcome] });
}

/** Event records; `index` is that of the extrinsic in its block. */
export function systemSuccess(index: number): Buffer {
  return eventRecord(index, Buffer.concat([u8(0), u8(0), compact(1)]));
}

function systemFailure(index: number, pallet: number, error: number): Buffer {
  return eventRecord(index, Buffer.concat([u8(0), u8(1), u8(3), u8(pallet), u8(error), Buffer.alloc(3), compact(1)]));
}

export function commitmentEvent(index: number, netuid: number, publicKey: Uint8Array): Buffer {
  return eventRecord(index, Buffer.concat([u8(18), u8(0), u16(netuid), publicKey]));
}

function eventRecord(index: number, event: Buffer): Buffer {
  return Buffer.concat([u8(0), u32(index), event, list([])]);
}

/** A signed transaction around call data; the fake node's blocks need no valid signature. */
export function signedExtrinsic(publicKey: Uint8Array, callData: Uint8Array): Buffer {
  const signature = Buffer.concat([u8(1), Buffer.alloc(64, 7)]);
  const extensions = Buffer.concat([u8(0), compact(0), compact(0), u8(0)]);
  return bytes(Buffer.concat([u8(0x84), u8(0), publicKey, signature, extensions, callData]));
}

/** Layout: length, 0x84, address, signature, era (2 bytes), nonce, tip, metadata-hash mode, call. */
function takeApart(node: FakeNode, extrinsic: Buffer): Submitted {
  const start = readCompact(extrinsic).sizeBytes;
  const publicKey = extrinsic.subarray(start + 2, start + 34);
  const signature = extrinsic.subarray(start + 35, start + 99);
  const extensionsAt = start + 99;
  const nonce = readCompact(extrinsic.subarray(extensionsAt + 2));
  const tip = readCompact(extrinsic.subarray(extensionsAt + 2 + nonce.sizeBytes));
  const callAt = extensionsAt + 2 + nonce.sizeBytes + tip.sizeBytes + 1;
  const call = extrinsic.subarray(callAt);
  const birth = node.blocks[birthOf(extrinsic.readUInt16LE(extensionsAt), node.blocks.length - 1)]?.hash ?? "";
  const implicit = [
    u32(SPEC_VERSION),
    u32(TRANSACTION_VERSION),
    unhex(node.blocks[0]?.hash ?? ""),
    unhex(birth),
    u8(0),
  ];
  const payload = Buffer.concat([call, extrinsic.subarray(extensionsAt, callAt), ...implicit]);
  return { publicKey, signature, nonce: nonce.value, callData: call.toString("hex"), payload };
}

/** Block from which a mortal era counts, seen from the current block. */
function birthOf(era: number, current: number): number {
  const period = 2 << (era & 15);
  const phase = era >> 4;
  return Math.floor((Math.max(current, phase) - phase) / period) * period + phase;
}
