import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from "node:http2";
import { AppError } from "../../kernel/errors.js";
import type { Running } from "../../kernel/lifecycle.js";
import { validatorHeaders } from "../../wire/headers.js";
import { encryptBody, encryptPath, gzipFast } from "../../wire/instance-cipher.js";
import type { InstanceTarget } from "../../wire/instance-transport.js";
import type { Keypair } from "../../wire/keypair.js";
import { cipherGeneration } from "../../wire/versions.js";
import { InstanceSessions, type SessionPoolOptions } from "./instance-sessions.js";
import { openNonces } from "./nonces.js";

/** One call of an instance's function. */
export interface InstanceCall {
  /** Internal path, e.g. `/chat_stream`. */
  readonly path: string;
  /** Plain bytes of the body: JSON. */
  readonly body: Buffer;
  /** Ends the call, whatever state it is in: the instance sees its stream reset. */
  readonly signal: AbortSignal;
  /** Longest silence of the instance, before and within its answer, milliseconds. */
  readonly silenceMs: number;
  readonly now: Date;
}

/** Status and headers have arrived; the body is still encrypted when the status is 200. */
export interface InstanceAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Errors after this point surface when the stream is read. */
  readonly stream: ClientHttp2Stream;
  /** Key of the body. */
  readonly key: Buffer;
}

export interface InstanceClient extends Running {
  /**
   * Sends a signed, encrypted request.
   * @throws AppError `unavailable` when the instance breaks off or stays silent; `forbidden` when its session key is missing;
   *   `aborted` on the signal; Error of the system when it cannot be reached
   */
  call(target: InstanceTarget, call: InstanceCall): Promise<InstanceAnswer>;
  /** Closes the connection to an instance. */
  evict(instanceId: string): void;
}

/** Opens the pool of connections to instances of runtime ≥ 0.5.5. @see protocol 04 §6 */
export function openInstanceClient(deps: SessionPoolOptions & { readonly signer: Keypair }): InstanceClient {
  const sessions = new InstanceSessions(deps);
  /** Targets are cached objects that live for many calls. */
  const keys = new WeakMap<InstanceTarget, Buffer>();
  const nonce = openNonces();
  return {
    async call(target, call) {
      const key = keys.get(target) ?? sessionKey(target);
      keys.set(target, key);
      const body = encryptBody(key, gzipFast(call.body), nonce());
      const stream = await sessions.request(target, {
        ":method": "POST",
        ":path": encryptPath(key, call.path, nonce()),
        "content-type": "text/plain; charset=utf-8",
        ...validatorHeaders(deps.signer, { miner: target.minerHotkey, body }, call.now),
      });
      const answer = awaitAnswer(stream, call);
      // Opening the connection took time: the caller may have left meanwhile, and then the stream is closed already.
      if (!stream.closed) stream.end(body);
      return { ...(await answer), key };
    },
    evict: (instanceId) => sessions.evict(instanceId),
    close: async () => sessions.close(),
  };
}

/** Whether the instance left a session key that its runtime's cipher takes. @see protocol 04 §6.3 */
function hasSessionKey(target: InstanceTarget): boolean {
  return target.transport.sessionKeyHex?.length === 64 && cipherGeneration(target.chutesVersion) === "chacha";
}

function sessionKey(target: InstanceTarget): Buffer {
  if (!hasSessionKey(target)) throw new AppError("forbidden", "the instance's session key is missing");
  return Buffer.from(target.transport.sessionKeyHex ?? "", "hex");
}

function awaitAnswer(stream: ClientHttp2Stream, call: InstanceCall): Promise<Omit<InstanceAnswer, "key">> {
  const { signal, silenceMs } = call;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(new AppError("aborted", "the call was given up"));
      stream.close(constants.NGHTTP2_CANCEL);
    };
    // Stays for good: an error after the answer is found by whoever reads the stream.
    stream.on("error", reject);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    stream.setTimeout(silenceMs, () => stream.destroy(new AppError("unavailable", "the instance stayed silent")));
    let isAnswered = false;
    stream.once("response", (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      isAnswered = true;
      resolve({ status: headers[":status"] ?? 0, headers, stream });
    });
    stream.once("close", () => {
      signal.removeEventListener("abort", abort);
      if (!isAnswered) reject(new AppError("unavailable", "the instance ended the call without an answer"));
    });
  });
}
