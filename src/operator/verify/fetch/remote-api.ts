import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import type { Readable } from "node:stream";
import { createHttpClient, type HttpAnswer } from "../../../infra/http-client/client.js";
import { AppError } from "../../../kernel/errors.js";
import { TryAgain } from "./retry.js";

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** GET requests to the audited API. */
export interface RemoteApi {
  /** Follows redirects. Throws AppError `unavailable`, and TryAgain for 408, 425, 429 and 5xx. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer<Readable>>;
  close(): Promise<void>;
}

/** @throws AppError `invalid` for what is not an http(s) URL. */
export function openRemoteApi(url: string, signal: AbortSignal): RemoteApi {
  const base = baseOf(url);
  const client = createHttpClient({
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    totalTimeoutMs: HEADERS_TIMEOUT_MS,
    lookupLocalhost: true,
  });
  const isPrivateApi = isPrivateHost(base.hostname);

  async function open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer<Readable>> {
    // The path begins with a slash of its own, and the API may live below one.
    let target = new URL(base.href.replace(/\/+$/, "") + path);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const answer = await client.open(target.href, { headers: { "accept-encoding": "identity", ...headers }, signal });
      if (!REDIRECTS.has(answer.status)) return refuseTemporary(answer, target);
      discard(answer.body);
      target = await redirectOf(answer, target, isPrivateApi);
    }
    throw new AppError("unavailable", `${base.host} redirects more than ${MAX_REDIRECTS} times`);
  }

  return { open, close: () => client.close() };
}

/** Reads a body to its end, piece by piece. Throws TryAgain when it stalls or breaks off, AppError `too_large`. */
export async function readBody(
  body: Readable,
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
  onChunk: (chunk: Buffer) => unknown,
): Promise<void> {
  let bytes = 0;
  const stall = () => body.destroy(new TryAgain(`no data for ${IDLE_TIMEOUT_MS / 1000} s`));
  let timer = setTimeout(stall, IDLE_TIMEOUT_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > options.maxBytes) throw new AppError("too_large", `more than ${options.maxBytes} bytes`);
      await onChunk(chunk);
      clearTimeout(timer);
      timer = setTimeout(stall, IDLE_TIMEOUT_MS);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof AppError || error instanceof TryAgain) throw error;
    throw new TryAgain(error instanceof Error ? error.message : "the transfer broke off");
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a transfer that nobody reads. Without a listener the end of it would count as an error that nobody caught. */
export function discard(body: Readable): void {
  body.on("error", () => undefined).destroy();
}

function baseOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new AppError("invalid", `not an http(s) URL: ${url}`, { fix: "--api https://api.example.org" });
  }
  base.search = "";
  base.hash = "";
  return base;
}

function refuseTemporary(answer: HttpAnswer<Readable>, target: URL): HttpAnswer<Readable> {
  const { status } = answer;
  if (status !== 408 && status !== 425 && status !== 429 && status < 500) return answer;
  discard(answer.body);
  const seconds = Number(answer.headers["retry-after"]);
  const afterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
  throw new TryAgain(`${target.host}${target.pathname} answered ${status}`, afterMs);
}

async function redirectOf(answer: HttpAnswer<unknown>, from: URL, isPrivateApi: boolean): Promise<URL> {
  const location = answer.headers["location"];
  const text = typeof location === "string" ? location : "";
  if (!URL.canParse(text, from.href)) throw new AppError("unavailable", `${from.host} redirects to nowhere`);
  const target = new URL(text, from);
  if (!/^https?:$/.test(target.protocol))
    throw new AppError("unavailable", `${from.host} redirects to ${target.protocol}`);
  // A public API must not use us to reach machines that only we can see.
  if (!isPrivateApi && (await leadsInside(target.hostname))) {
    throw new AppError("unavailable", `${from.host} redirects to a private address`);
  }
  return target;
}

async function leadsInside(hostname: string): Promise<boolean> {
  if (isPrivateHost(hostname)) return true;
  const addresses = await lookup(hostname, { all: true }).catch(() => []);
  return addresses.some(({ address }) => isPrivateHost(address));
}

/** True for addresses and names that only machines nearby can reach. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  if (family === 0) return /(^|\.)localhost\.?$/i.test(host) || !host.includes(".");
  return privateAddresses().check(host, family === 6 ? "ipv6" : "ipv4");
}

function privateAddresses(): BlockList {
  const list = new BlockList();
  for (const [network, bits] of [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
  ] as const) {
    list.addSubnet(network, bits, "ipv4");
  }
  list.addSubnet("::", 127, "ipv6");
  list.addSubnet("fc00::", 7, "ipv6");
  list.addSubnet("fe80::", 10, "ipv6");
  return list;
}
