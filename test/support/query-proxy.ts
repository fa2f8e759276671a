import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Running } from "../../src/kernel/lifecycle.js";

/** A relay in front of Postgres that remembers the text of every statement, whoever sends it. */
export interface QueryProxy extends Running {
  /** The database's URL through the relay. */
  readonly url: string;
  /** Statements since the last call, in the order they were sent. */
  take(): string[];
}

const PARSE = 0x50;
const QUERY = 0x51;
const TYPE_AND_LENGTH = 5;

export async function startQueryProxy(databaseUrl: string): Promise<QueryProxy> {
  const target = new URL(databaseUrl);
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    client.setNoDelay(true);
    client.on(
      "data",
      statementReader((text) => seen.push(text)),
    );
    client.pipe(upstream).pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    take: () => seen.splice(0),
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Reads what a client sends: one message without a type byte to begin with, then a type and a length each. */
function statementReader(onStatement: (text: string) => void): (chunk: Buffer) => void {
  let buffer: Buffer = Buffer.alloc(0);
  let isStarted = false;
  return (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const head = isStarted ? 1 : 0;
      if (buffer.length < TYPE_AND_LENGTH) return;
      const end = head + buffer.readUInt32BE(head);
      if (buffer.length < end) return;
      if (isStarted) readMessage(buffer.subarray(0, end), onStatement);
      isStarted = true;
      buffer = buffer.subarray(end);
    }
  };
}

function readMessage(message: Buffer, onStatement: (text: string) => void): void {
  const type = message[0];
  const text = message.subarray(TYPE_AND_LENGTH);
  if (type === QUERY) onStatement(untilNul(text, 0));
  // Parse: the name of the statement, then its text.
  if (type === PARSE) onStatement(untilNul(text, text.indexOf(0) + 1));
}

function untilNul(bytes: Buffer, from: number): string {
  return bytes.toString("utf8", from, bytes.indexOf(0, from));
}
