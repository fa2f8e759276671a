import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { sha256Hex } from "../../src/wire/hashes.js";

/** An answer of the fake, and the request it got. */
export interface FakeRegistry {
  readonly url: string;
  readonly port: number;
  /** `METHOD path` and `authorization` of every request, in order. */
  readonly seen: { readonly line: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

/** A registry that answers as a test says: for the failures that the real program cannot be made to show. */
export async function startFakeRegistry(
  answer: RequestListener,
  tls?: { readonly key: string; readonly cert: string },
): Promise<FakeRegistry> {
  const seen: FakeRegistry["seen"] = [];
  const listener: RequestListener = (request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization });
    answer(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener as never);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    seen,
    close: async () => {
      server.closeAllConnections();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** The documents of one image, by the end of their path. */
export function imageDocuments(config: Buffer = Buffer.from('{"config":{}}')): Map<string, Buffer> {
  const digest = `sha256:${sha256Hex(config)}`;
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config: { digest }, layers: [{ size: 7 }] }));
  return new Map([
    ["/manifests/1.0", manifest],
    [`/blobs/${digest}`, config],
  ]);
}

/** Serves those documents, 404 for anything else. */
export function serveDocuments(documents: ReadonlyMap<string, Buffer>): RequestListener {
  return (request, response) => {
    const found = documentFor(documents, request);
    if (found === undefined) response.writeHead(404).end('{"errors":[]}');
    else response.end(found);
  };
}

/** What a request asks for. */
export function documentFor(documents: ReadonlyMap<string, Buffer>, { url = "" }: IncomingMessage): Buffer | undefined {
  return [...documents].find(([path]) => url.endsWith(path))?.[1];
}
