import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  /** Lower-case names; repeated headers joined by a line feed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

const TIMEOUT_MS = 20_000;

/** Writes the bytes to a connection of their own and reads one whole answer. */
export async function exchange({ host, port }: Place, bytes: Buffer): Promise<Answer> {
  const reader = await open({ host, port }, bytes);
  try {
    const { status, headers } = await reader.head();
    return { status, headers, body: await reader.rest(headers) };
  } finally {
    reader.close();
  }
}

/** The same for an endless answer: gives its text when `until` is satisfied, then hangs up. */
export async function exchangeUntil(
  place: Place,
  bytes: Buffer,
  until: (text: string) => boolean,
): Promise<Answer & { readonly text: string }> {
  const reader = await open(place, bytes);
  try {
    const { status, headers } = await reader.head();
    const body = status === 200 ? await reader.until(headers, until) : await reader.rest(headers);
    return { status, headers, body, text: body.toString() };
  } finally {
    reader.close();
  }
}

async function open({ host, port }: Place, bytes: Buffer): Promise<AnswerReader> {
  const socket = connect({ host, port, noDelay: true });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  await once(socket, "connect");
  socket.write(bytes);
  return new AnswerReader(socket);
}

const END_OF_HEAD = "\r\n\r\n";

class AnswerReader {
  readonly #socket: Socket;
  #got: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async head(): Promise<Omit<Answer, "body">> {
    while (!this.#got.includes(END_OF_HEAD)) await this.#more();
    const end = this.#got.indexOf(END_OF_HEAD);
    const [start = "", ...lines] = this.#got.toString("latin1", 0, end).split("\r\n");
    this.#got = this.#got.subarray(end + END_OF_HEAD.length);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}\n${value}`;
    }
    return { status: Number(start.split(" ")[1]), headers };
  }

  async rest(headers: Answer["headers"]): Promise<Buffer> {
    if (headers["transfer-encoding"] === "chunked") return this.#chunks(() => false);
    const length = Number(headers["content-length"] ?? 0);
    while (this.#got.length < length) await this.#more();
    return this.#got.subarray(0, length);
  }

  until(headers: Answer["headers"], enough: (text: string) => boolean): Promise<Buffer> {
    return headers["transfer-encoding"] === "chunked" ? this.#chunks(enough) : this.rest(headers);
  }

  async #chunks(enough: (text: string) => boolean): Promise<Buffer> {
    let body: Buffer = Buffer.alloc(0);
    for (;;) {
      while (!this.#got.includes("\r\n")) await this.#more();
      const end = this.#got.indexOf("\r\n");
      const size = Number.parseInt(this.#got.toString("latin1", 0, end), 16);
      while (this.#got.length < end + 2 + size + 2) await this.#more();
      body = Buffer.concat([body, this.#got.subarray(end + 2, end + 2 + size)]);
      this.#got = this.#got.subarray(end + 2 + size + 2);
      if (size === 0 || enough(body.toString())) return body;
    }
  }

  async #more(): Promise<void> {
    const socket = this.#socket;
    const chunk = await new Promise<Buffer>((resolve, reject) => {
      const ended = () => reject(new Error(`the connection ended after ${this.#got.length} bytes of an answer`));
      socket.once("close", ended).once("error", reject);
      socket.once("data", (bytes: Buffer) => {
        socket.off("close", ended).off("error", reject).pause();
        resolve(bytes);
      });
      socket.resume();
    });
    this.#got = Buffer.concat([this.#got, chunk]);
  }

  close(): void {
    this.#socket.destroy();
  }
}
