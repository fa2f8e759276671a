import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { stringifyJson } from "../../../wire/json.js";

/** One record of a list with the key that pages go by. */
export interface KeyedRecord {
  readonly key: string;
  readonly record: object;
}

/** A list read page by page: no connection to the database is held while a slow client drains. */
export interface RecordSource {
  /** Records after a key, in the order of keys; empty at the end. The first page begins after "". */
  readonly page: (after: string) => Promise<readonly KeyedRecord[]>;
  /** The client wants to be told that there is nothing. */
  readonly explicitNull: boolean;
}

const EXPLICIT_NULL = "data: NO_ITEMS\n";

/**
 * Streams records as `data: {json}` lines in constant memory. When reading fails after the first byte the connection is broken:
 * a miner takes a list that ends normally for the whole truth and undeploys what is missing.
 * @see protocol 05 §4
 */
export async function sendRecords(reply: FastifyReply, source: RecordSource): Promise<FastifyReply> {
  const first = await source.page("");
  reply.type("text/event-stream; charset=utf-8").header("cache-control", "no-store");
  if (first.length === 0) return reply.send(source.explicitNull ? EXPLICIT_NULL : "");
  return reply.send(Readable.from(lines(first, source), { objectMode: false }));
}

async function* lines(first: readonly KeyedRecord[], { page }: RecordSource): AsyncGenerator<string> {
  let records = first;
  while (records.length > 0) {
    for (const { record } of records) yield `data: ${stringifyJson(record)}\n\n`;
    records = await page(records.at(-1)?.key ?? "");
  }
}
