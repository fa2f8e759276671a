import type { FastifyRequest } from "fastify";
import type { Redis } from "../../infra/redis/client.js";
import { redisKeys, redisTtlSeconds } from "../../infra/redis/keys.js";
import { AppError } from "../../kernel/errors.js";
import { sha256Hex } from "../../wire/hashes.js";
import { HEADER } from "../../wire/headers.js";

/** Signatures bind neither method nor path, so what they were used for is remembered here. */
export interface ReplayGuard {
  /** @throws AppError `unauthorized` for the repeat of a change, or a deletion with the signature of a read */
  claim(request: FastifyRequest): Promise<void>;
  /** The change failed: the client may send it again. */
  release(request: FastifyRequest): Promise<void>;
}

declare module "fastify" {
  interface FastifyRequest {
    /** What `claim` wrote for this request. */
    replayKey: string | undefined;
  }
}

/**
 * Remembers signed changes for as long as their nonce could be accepted. A repeat while the first is still running is
 * refused too. Reads may repeat, and one set of headers may go to several URLs, because real clients do both.
 * @see protocol 01 §21.2
 */
export function openReplayGuard(redis: Redis): ReplayGuard {
  return {
    async claim(request) {
      const signature = signatureOf(request);
      if (request.method === "GET" || request.method === "HEAD") return noteRead(redis, signature);
      if (request.method === "DELETE") await refuseSignatureOfRead(redis, signature);
      const key = redisKeys.replay(digestOf(request, signature));
      const isFirst = await setOnce(redis, key, "1");
      if (!isFirst) throw new AppError("unauthorized", "This signed request was already accepted; sign it again.");
      request.replayKey = key;
    },
    async release(request) {
      const key = request.replayKey;
      if (key === undefined) return;
      request.replayKey = undefined;
      await orUnavailable(redis.del(key));
    },
  };
}

const READ = "read";

async function noteRead(redis: Redis, signature: string): Promise<void> {
  await setOnce(redis, firstUseKey(signature), READ);
}

async function refuseSignatureOfRead(redis: Redis, signature: string): Promise<void> {
  const key = firstUseKey(signature);
  if (await setOnce(redis, key, "delete")) return;
  if ((await orUnavailable(redis.get(key))) !== READ) return;
  throw new AppError("unauthorized", "This signature was first used to read; sign the deletion by itself.");
}

const firstUseKey = (signature: string) => redisKeys.replay(`first:${sha256Hex(signature)}`);

/** One spelling per signature, or else a change of case would make a repeat look new. */
function signatureOf(request: FastifyRequest): string {
  return String(request.headers[HEADER.signature]).toLowerCase().replace(/^0x/, "");
}

function digestOf(request: FastifyRequest, signature: string): string {
  const [path = "", query = ""] = splitOnce(request.url, "?");
  const place = `${request.method} ${path.replace(/\/+$/, "")}?${query}`;
  return sha256Hex(`${signature}\n${place}\n${sha256Hex(request.rawBody)}`);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

async function setOnce(redis: Redis, key: string, value: string): Promise<boolean> {
  return (await orUnavailable(redis.set(key, value, "EX", redisTtlSeconds.replay, "NX"))) === "OK";
}

async function orUnavailable<T>(command: Promise<T>): Promise<T> {
  try {
    return await command;
  } catch (cause) {
    throw new AppError("unavailable", "Signed requests cannot be checked right now; try again.", { cause });
  }
}
