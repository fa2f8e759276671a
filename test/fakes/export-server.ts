import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Running } from "../../src/kernel/lifecycle.js";

export interface SeenRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  status: number;
  /** Bytes of the body that were handed to the socket. */
  bytes: number;
}

/** How the server misbehaves for a path. */
export interface Fault {
  /** Ends the connection after so many bytes, this often, once the client has them. */
  cutAfter?: { readonly bytes: number; times: number; readonly arrived: () => Promise<unknown> };
  /** Answers 200 with everything, whatever range was asked for. */
  ignoresRanges?: boolean;
  /** Answers 206 with other bytes than those of the range. */
  liesAboutRanges?: boolean;
  /** Answers this status, this often. */
  refuses?: { readonly status: number; times: number; readonly retryAfter?: string };
}

export interface ExportServer extends Running {
  readonly url: string;
  /** Bodies by path and query. Paths with repeated slashes are the same path. */
  readonly bodies: Map<string, Buffer>;
  readonly faults: Map<string, Fault>;
  readonly seen: SeenRequest[];
}

/** An API that serves exports as a validator does: entity tags, ranges, conditional requests. */
export async function startExportServer(): Promise<ExportServer> {
  const bodies = new Map<string, Buffer>();
  const faults = new Map<string, Fault>();
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/+/, "/");
    const one: SeenRequest = {
      path,
      range: request.headers.range,
      ifRange: request.headers["if-range"] as string | undefined,
      status: 0,
      bytes: 0,
    };
    seen.push(one);
    answer({ request, response, body: bodies.get(path), fault: faults.get(path) ?? {}, seen: one });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    faults,
    seen,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer | undefined;
  readonly fault: Fault;
  readonly seen: SeenRequest;
}

function answer(exchange: Exchange): void {
  const { request, response, body, fault, seen } = exchange;
  const finish = (status: number, headers: Record<string, string>, content: Buffer) => {
    seen.status = status;
    seen.bytes = content.length;
    response.writeHead(status, { ...headers, "content-length": String(content.length) });
    if (fault.cutAfter === undefined || fault.cutAfter.times === 0) return response.end(content);
    fault.cutAfter.times -= 1;
    seen.bytes = fault.cutAfter.bytes;
    response.write(content.subarray(0, fault.cutAfter.bytes));
    void fault.cutAfter.arrived().finally(() => response.destroy());
    return response;
  };
  if (fault.refuses !== undefined && fault.refuses.times > 0) {
    fault.refuses.times -= 1;
    const { retryAfter } = fault.refuses;
    return void finish(
      fault.refuses.status,
      retryAfter === undefined ? {} : { "retry-after": retryAfter },
      Buffer.alloc(0),
    );
  }
  if (body === undefined) return void finish(404, {}, Buffer.from('{"detail":"not found"}'));
  const etag = `"${createHash("sha256").update(body).digest("hex")}"`;
  if (request.headers["if-none-match"] === etag) return void finish(304, { etag }, Buffer.alloc(0));
  const from = rangeStart(request, etag);
  if (from === undefined || fault.ignoresRanges === true) return void finish(200, { etag }, body);
  if (from >= body.length) return void finish(416, { "content-range": `bytes */${body.length}` }, Buffer.alloc(0));
  const rest = Buffer.from(body.subarray(from));
  if (fault.liesAboutRanges === true) rest.fill(65);
  finish(206, { etag, "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }, rest);
}

function rangeStart(request: IncomingMessage, etag: string): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const ifRange = request.headers["if-range"];
  if (match === null || (ifRange !== undefined && ifRange !== etag)) return undefined;
  return Number(match[1]);
}
