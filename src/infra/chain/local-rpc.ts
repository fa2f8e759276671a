import type { Static, TSchema } from "typebox";
import { AppError } from "../../kernel/errors.js";
import { withTimeout } from "../../kernel/lifecycle.js";
import type { Keypair } from "../../wire/keypair.js";
import type { ChainClient, ChainHead, Inclusion, Metagraph, WeightRules } from "./client.js";
import { chainErrorName, chainRefusal, chainUnavailable } from "./errors.js";
import {
  AccountResult,
  BalanceResult,
  type ChainCall,
  CommitmentResult,
  HeadResult,
  InclusionResult,
  LatestCommitmentResult,
  MaybeHeadResult,
  MetagraphResult,
  parseAs,
  submissionText,
  WeightRulesResult,
  WeightsResult,
} from "./local-protocol.js";

/** Larger answers than any metagraph are cut off. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Submissions of one hotkey from several processes race for the nonce; the losers sign again. */
const NONCE_TRIES = 8;

interface Endpoint {
  readonly url: string;
  readonly timeoutMs: number;
}

export interface LocalChainClient extends ChainClient {
  /** Gives the signer a uid on the subnet, without stake. A subtensor wants a paying coldkey for this instead. */
  register(signer: Keypair, call: { netuid: number; coldkey: string }): Promise<Inclusion>;
}

/** Client of the local chain over HTTP. Connects with every call, so it needs no closing. */
export function openLocalRpc(endpoint: Endpoint): LocalChainClient {
  return {
    head: async () => toHead(await call(endpoint, { method: "head" }, HeadResult)),
    finalizedHead: async () => toHead(await call(endpoint, { method: "finalized_head" }, HeadResult)),
    async blockAt(block) {
      const head = await call(endpoint, { method: "block_at", params: { block } }, MaybeHeadResult);
      return head === null ? undefined : toHead(head);
    },
    metagraph: async (netuid) =>
      toMetagraph(await call(endpoint, { method: "metagraph", params: { netuid } }, MetagraphResult)),
    weightRules: async (netuid) =>
      toRules(await call(endpoint, { method: "weight_rules", params: { netuid } }, WeightRulesResult)),
    weights: (netuid, uid) => call(endpoint, { method: "weights", params: { netuid, uid } }, WeightsResult),
    commitmentAt: (where) => call(endpoint, { method: "commitment_at", params: where }, CommitmentResult),
    async latestCommitment(netuid, hotkey) {
      const request = { method: "latest_commitment", params: { netuid, hotkey } };
      return (await call(endpoint, request, LatestCommitmentResult)) ?? undefined;
    },
    setWeights: (signer, { netuid, weights, versionKey }) =>
      submit(endpoint, signer, {
        method: "set_weights",
        netuid,
        dests: weights.map((entry) => entry.uid),
        values: weights.map((entry) => entry.value),
        versionKey: String(versionKey),
      }),
    setCommitment: (signer, { netuid, sha256Hex }) =>
      submit(endpoint, signer, { method: "set_commitment", netuid, sha256: sha256Hex }),
    freeBalance: (address) => freeBalance(endpoint, address),
    async transferAll({ from, to }) {
      const amountRao = await freeBalance(endpoint, from.address);
      const { block } = await submit(endpoint, from, { method: "transfer_all", dest: to });
      return { amountRao, block };
    },
    register: (signer, { netuid, coldkey }) => submit(endpoint, signer, { method: "register", netuid, coldkey }),
    close: async () => undefined,
  };
}

async function freeBalance(endpoint: Endpoint, address: string): Promise<bigint> {
  return BigInt(await call(endpoint, { method: "free_balance", params: { address } }, BalanceResult));
}

async function submit(endpoint: Endpoint, signer: Keypair, what: ChainCall): Promise<Inclusion> {
  for (let tries = 1; ; tries += 1) {
    const account = { method: "account", params: { hotkey: signer.address } };
    const { nextNonce, genesisHash } = await call(endpoint, account, AccountResult);
    const payload = submissionText({ call: what, genesisHash, hotkey: signer.address, nonce: nextNonce });
    const signature = Buffer.from(signer.sign(payload)).toString("hex");
    try {
      const request = { method: "submit", params: { payload, signature }, submits: what.method };
      return await call(endpoint, request, InclusionResult);
    } catch (error) {
      if (tries === NONCE_TRIES || chainErrorName(error) !== "Stale") throw error;
    }
  }
}

interface Request {
  readonly method: string;
  readonly params?: unknown;
  /** Name of the signed call inside, for messages. */
  readonly submits?: string;
}

async function call<Schema extends TSchema>(
  endpoint: Endpoint,
  { method, params, submits }: Request,
  schema: Schema,
): Promise<Static<Schema>> {
  const answer = await withTimeout(
    endpoint.timeoutMs,
    (signal) => exchange(endpoint, { method, params }, signal),
    () => chainUnavailable(endpoint.url, `no answer in ${endpoint.timeoutMs} ms`),
  );
  if (answer.status !== 200) throw toError(endpoint, submits ?? method, answer);
  try {
    return parseAs(schema, answer.body["result"], `answer to ${method}`);
  } catch (error) {
    throw chainUnavailable(endpoint.url, error);
  }
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function exchange(endpoint: Endpoint, request: unknown, signal: AbortSignal): Promise<Answer> {
  try {
    const url = new URL("/rpc", endpoint.url);
    // A refusal of credentials by fetch would repeat them in its message.
    url.username = "";
    url.password = "";
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      redirect: "error",
      signal,
    });
    const body: unknown = JSON.parse(await readBounded(response));
    if (typeof body !== "object" || body === null) throw new Error("the answer is not a JSON object");
    return { status: response.status, body: body as Record<string, unknown> };
  } catch (error) {
    throw chainUnavailable(endpoint.url, error);
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function toError(endpoint: Endpoint, what: string, { status, body }: Answer): AppError {
  const { error, detail } = body;
  if (status === 409 && typeof error === "string") return chainRefusal(what, error);
  const message = typeof detail === "string" ? detail : `status ${status}`;
  if (status === 404) return new AppError("not_found", message);
  if (status >= 400 && status < 500) return new AppError("invalid", message);
  return chainUnavailable(endpoint.url, message);
}

function toHead(head: Static<typeof HeadResult>): ChainHead {
  return { number: head.number, hash: head.hash, time: new Date(head.timeMs) };
}

function toRules(answer: Static<typeof WeightRulesResult>): WeightRules {
  const { commitReveal, rateLimitBlocks, minAllowed, maxLimit } = answer;
  return { commitReveal, rateLimitBlocks, versionKey: BigInt(answer.versionKey), minAllowed, maxLimit };
}

function toMetagraph(answer: Static<typeof MetagraphResult>): Metagraph {
  const neurons = answer.neurons.map((neuron) => {
    const taoStakeRao = BigInt(neuron.taoStakeRao);
    const alphaStakeRao = BigInt(neuron.alphaStakeRao);
    return { ...neuron, taoStakeRao, alphaStakeRao, totalStakeRao: taoStakeRao + alphaStakeRao };
  });
  return { netuid: answer.netuid, block: answer.block, neurons };
}
