import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ChainHead } from "../../infra/chain/client.js";
import { chainErrorName } from "../../infra/chain/errors.js";
import {
  AccountParams,
  BalanceParams,
  BlockParams,
  CommitmentParams,
  FundParams,
  LatestCommitmentParams,
  NetuidParams,
  parseAs,
  SubmitParams,
  WeightsParams,
} from "../../infra/chain/local-protocol.js";
import { AppError, HTTP_STATUS } from "../../kernel/errors.js";
import type { Running } from "../../kernel/lifecycle.js";
import type { Logger } from "../../kernel/logger.js";
import type { LocalChain } from "./local-chain.js";

/** Longer than any submission the protocol allows. */
const MAX_BODY_BYTES = 512 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;

type Method = (chain: LocalChain, params: unknown) => Promise<unknown>;

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["head", async (chain) => headBody(await chain.head())],
  ["finalized_head", async (chain) => headBody(await chain.finalizedHead())],
  [
    "block_at",
    async (chain, params) => maybeHeadBody(await chain.blockAt(parseAs(BlockParams, params, "params").block)),
  ],
  ["metagraph", (chain, params) => chain.metagraph(parseAs(NetuidParams, params, "params").netuid)],
  ["weight_rules", (chain, params) => chain.weightRules(parseAs(NetuidParams, params, "params").netuid)],
  [
    "weights",
    (chain, params) => {
      const { netuid, uid } = parseAs(WeightsParams, params, "params");
      return chain.weights(netuid, uid);
    },
  ],
  ["commitment_at", (chain, params) => chain.commitmentAt(parseAs(CommitmentParams, params, "params"))],
  [
    "latest_commitment",
    async (chain, params) => {
      const { netuid, hotkey } = parseAs(LatestCommitmentParams, params, "params");
      return (await chain.latestCommitment(netuid, hotkey)) ?? null;
    },
  ],
  ["account", (chain, params) => chain.account(parseAs(AccountParams, params, "params").hotkey)],
  ["free_balance", (chain, params) => chain.freeBalance(parseAs(BalanceParams, params, "params").address)],
  [
    "fund",
    async (chain, params) => {
      const { address, amountRao } = parseAs(FundParams, params, "params");
      await chain.fund(address, BigInt(amountRao));
      return chain.freeBalance(address);
    },
  ],
  ["submit", (chain, params) => chain.submit(parseAs(SubmitParams, params, "params"))],
]);

/** Serves a local chain at `POST /rpc`. Port 0 takes a free one; `url` says which. */
export async function serveLocalChain(
  chain: LocalChain,
  log: Logger,
  listen: { host: string; port: number },
): Promise<Running & { readonly url: string }> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      void answer(chain, log, request).then((reply) => send(response, reply));
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(toListenError(cause, listen)));
    server.listen(listen.port, listen.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${port}`,
    async close() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
    },
  };
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Never rejects: whatever goes wrong becomes a JSON answer. */
async function answer(chain: LocalChain, log: Logger, request: IncomingMessage): Promise<Reply> {
  try {
    if (request.url !== "/rpc") throw new AppError("not_found", "the local chain answers at /rpc only");
    if (request.method !== "POST") return { status: 405, body: { detail: "the local chain takes POST only" } };
    const { method, params } = await readCall(request);
    const run = METHODS.get(method);
    if (run === undefined) throw new AppError("invalid", `the local chain has no method ${JSON.stringify(method)}`);
    return { status: 200, body: { result: await run(chain, params) } };
  } catch (error) {
    return toReply(log, error);
  }
}

async function readCall(request: IncomingMessage): Promise<{ method: string; params: unknown }> {
  const body = parseBody(await readBody(request));
  if (typeof body !== "object" || body === null || !("method" in body) || typeof body.method !== "string") {
    throw new AppError("invalid", "the request is not an object with a method");
  }
  return { method: body.method.slice(0, 64), params: "params" in body ? body.params : {} };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // Leaving the loop early must not tear the connection down: the answer still has to go out.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_BODY_BYTES)
      throw new AppError("too_large", `the request is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid", "the request is not JSON", { cause });
  }
}

function toReply(log: Logger, error: unknown): Reply {
  const chainError = chainErrorName(error);
  if (error instanceof AppError && chainError !== undefined) {
    return { status: 409, body: { detail: error.message, error: chainError } };
  }
  if (error instanceof AppError) return { status: HTTP_STATUS[error.kind], body: { detail: error.message } };
  log.error({ err: error }, "unhandled error in the local chain");
  return { status: 500, body: { detail: "Internal server error" } };
}

function send(response: ServerResponse, { status, body }: Reply): void {
  const text = JSON.stringify(body, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  // After a body that was not read to its end the connection cannot carry another request.
  const headers = { "content-type": "application/json", ...(status === 413 ? { connection: "close" } : {}) };
  response.writeHead(status, headers).end(text);
}

function headBody(head: ChainHead) {
  return { number: head.number, hash: head.hash, timeMs: head.time.getTime() };
}

function maybeHeadBody(head: ChainHead | undefined) {
  return head === undefined ? null : headBody(head);
}

function toListenError(cause: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): unknown {
  if (cause.code !== "EADDRINUSE") return cause;
  return new AppError("conflict", `port ${port} on ${host} is in use`, {
    code: "NET001",
    fix: "choose another port",
    cause,
  });
}
