import type { Readable } from "node:stream";
import type { HttpAnswer } from "../../../infra/http-client/client.js";
import { AppError } from "../../../kernel/errors.js";
import { sha256Hex } from "../../../wire/hashes.js";
import type { Remote } from "./remote.js";
import { readBody } from "./remote-api.js";
import { RETRIES, TryAgain, withRetries } from "./retry.js";

const MAX_ANSWER_BYTES = 64 << 20;

/** A JSON document of the API, transferred only if it changed since the last run.
 *  @throws AppError `unavailable` for an API that does not answer with JSON. */
export function fetchAnswer(remote: Remote, name: string, path: string): Promise<unknown> {
  return withRetries(remote.deps.retries ?? RETRIES, remote.deps.signal, async () => {
    const { status, json } = await ask(remote, name, path);
    if (json === undefined) throw new AppError("invalid", `${path} answered ${status}`, { fix: "check --api" });
    return json;
  });
}

/** As `fetchAnswer` for what verification can do without: undefined when the API does not have it or is not ready. */
export async function fetchOptional(remote: Remote, name: string, path: string): Promise<unknown> {
  try {
    return (await ask(remote, name, path)).json;
  } catch (error) {
    if (error instanceof TryAgain) return undefined;
    throw error;
  }
}

async function ask(remote: Remote, name: string, path: string): Promise<{ status: number; json: unknown }> {
  const { api, store, options } = remote;
  // One directory may serve several APIs.
  const key = `${name}-${sha256Hex(options.api ?? "").slice(0, 16)}`;
  const known = await store.answer(key);
  const answer = await api.open(path, known === undefined ? {} : { "if-none-match": known.tag });
  const body = await readWhole(answer, remote);
  if (answer.status === 304 && known !== undefined) return { status: 304, json: parsed(path, known.body) };
  if (answer.status !== 200) return { status: answer.status, json: undefined };
  const tag = answer.headers["etag"];
  if (typeof tag === "string") await store.keepAnswer(key, { tag, body });
  return { status: 200, json: parsed(path, body) };
}

/** The whole body, at most 64 MiB. */
export async function readWhole(answer: HttpAnswer<Readable>, { deps }: Remote): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await readBody(answer.body, { maxBytes: MAX_ANSWER_BYTES, signal: deps.signal }, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

function parsed(path: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch (cause) {
    throw new AppError("unavailable", `${path} did not answer with JSON`, { cause });
  }
}
