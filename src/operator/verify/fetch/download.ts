import { createHash, type Hash } from "node:crypto";
import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { HttpAnswer } from "../../../infra/http-client/client.js";
import { feedFile } from "./file-hash.js";
import { discard, type RemoteApi, readBody } from "./remote-api.js";
import { type RetryPolicy, TryAgain, withRetries } from "./retry.js";

/** What became of a download. `wrong`: served twice with other bytes than the hash promised. */
export type Download =
  | { readonly kind: "ok" }
  | { readonly kind: "wrong"; readonly actual: string; readonly kept: string }
  | { readonly kind: "missing"; readonly status: number };

export interface DownloadTarget {
  /** Path on the API. */
  readonly source: string;
  readonly sha256: string;
  /** Final name here; `.part`, `.etag` and `.bad` are derived from it. */
  readonly path: string;
  readonly maxBytes: number;
}

export interface DownloadDeps {
  readonly api: RemoteApi;
  readonly retries: RetryPolicy;
  readonly signal: AbortSignal;
}

/** Fetches a file whose hash is known, going on where an interrupted transfer stopped. A wrong hash leads to one more
 *  transfer, whole this time. @see protocol 08 §7.2 @throws AppError `unavailable` when the retries are used up. */
export async function download(deps: DownloadDeps, target: DownloadTarget): Promise<Download> {
  const first = await transfer(deps, target);
  if (first.kind !== "wrong") return first;
  await dropPart(target);
  const second = await transfer(deps, target);
  if (second.kind === "wrong") {
    await rename(partOf(target), second.kept);
    await dropPart(target);
  }
  return second;
}

/** One logical transfer, however many attempts it takes. A wrong file stays as the part. */
async function transfer(deps: DownloadDeps, target: DownloadTarget): Promise<Download> {
  const result = await withRetries(deps.retries, deps.signal, () => attempt(deps, target));
  if ("status" in result) return { kind: "missing", status: result.status };
  if (result.sha256 !== target.sha256) return { kind: "wrong", actual: result.sha256, kept: `${target.path}.bad` };
  await rename(partOf(target), target.path);
  await dropPart(target);
  return { kind: "ok" };
}

type Attempt = { readonly sha256: string } | { readonly status: number };

async function attempt(deps: DownloadDeps, target: DownloadTarget): Promise<Attempt> {
  const part = partOf(target);
  const haveBytes = (await stat(part).catch(() => undefined))?.size ?? 0;
  const hash = createHash("sha256");
  if (haveBytes > 0) await feedFile(hash, part, deps.signal);
  if (haveBytes > 0 && hash.copy().digest("hex") === target.sha256) return { sha256: target.sha256 };
  const answer = await deps.api.open(target.source, await rangeHeaders(target, haveBytes));
  if (answer.status === 200) return store(deps, target, { answer, haveBytes: 0, hash: createHash("sha256") });
  if (answer.status === 206 && startsAt(answer, haveBytes)) return store(deps, target, { answer, haveBytes, hash });
  discard(answer.body);
  if (answer.status !== 206 && answer.status !== 416) return { status: answer.status };
  // The server cannot continue from here: what lies here is not the beginning of what it has.
  await dropPart(target);
  throw new TryAgain("the server does not continue at the requested byte");
}

interface Incoming {
  readonly answer: HttpAnswer<Readable>;
  readonly haveBytes: number;
  readonly hash: Hash;
}

async function store(deps: DownloadDeps, target: DownloadTarget, incoming: Incoming): Promise<Attempt> {
  const { answer, haveBytes, hash } = incoming;
  const etag = answer.headers["etag"];
  if (typeof etag === "string" && !etag.startsWith("W/")) await writeFile(`${target.path}.etag`, etag);
  const file = await open(partOf(target), haveBytes > 0 ? "a" : "w");
  try {
    const limit = { maxBytes: target.maxBytes - haveBytes, signal: deps.signal };
    await readBody(answer.body, limit, async (chunk) => {
      hash.update(chunk);
      await file.writeFile(chunk);
    });
    await file.sync();
  } finally {
    discard(answer.body);
    await file.close();
  }
  return { sha256: hash.digest("hex") };
}

async function rangeHeaders(target: DownloadTarget, haveBytes: number): Promise<Record<string, string>> {
  if (haveBytes === 0) return {};
  const etag = await readFile(`${target.path}.etag`, "utf8").catch(() => "");
  return { range: `bytes=${haveBytes}-`, ...(etag === "" ? {} : { "if-range": etag }) };
}

function startsAt(answer: HttpAnswer<unknown>, byte: number): boolean {
  const range = answer.headers["content-range"];
  return byte > 0 && typeof range === "string" && new RegExp(`^bytes ${byte}-`).test(range);
}

function partOf(target: DownloadTarget): string {
  return `${target.path}.part`;
}

async function dropPart(target: DownloadTarget): Promise<void> {
  await rm(partOf(target), { force: true });
  await rm(`${target.path}.etag`, { force: true });
}
