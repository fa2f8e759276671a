import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Running } from "../../src/kernel/lifecycle.js";

const HANDSHAKE_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 };

export interface TextSocket {
  send(text: string): void;
}

/** A WebSocket server for text messages on a free port: just enough of RFC 6455 for a JSON-RPC client. */
export async function serveWebSocket(
  onMessage: (socket: TextSocket, text: string) => void,
): Promise<Running & { readonly url: string; dropClients(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}${HANDSHAKE_SALT}`)
      .digest("base64");
    const lines = ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: upgrade"];
    socket.write(`${lines.join("\r\n")}\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
    readFrames(socket, (text) => onMessage({ send: (answer) => sendFrame(socket, OPCODE.text, answer) }, text));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dropClients = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    dropClients,
    async close() {
      dropClients();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readFrames(socket: Socket, onText: (text: string) => void): void {
  let buffered = Buffer.alloc(0);
  let message = "";
  socket.on("data", (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (let frame = takeFrame(buffered); frame !== undefined; frame = takeFrame(buffered)) {
      buffered = buffered.subarray(frame.sizeBytes);
      if (frame.opcode === OPCODE.close) return void socket.end();
      if (frame.opcode === OPCODE.ping) sendFrame(socket, OPCODE.pong, frame.text);
      if (frame.opcode !== OPCODE.text && frame.opcode !== OPCODE.continuation) continue;
      message += frame.text;
      if (!frame.isLast) continue;
      onText(message);
      message = "";
    }
  });
}

/** First whole frame of what has arrived; clients always mask. */
function takeFrame(data: Buffer): { opcode: number; isLast: boolean; text: string; sizeBytes: number } | undefined {
  if (data.length < 2) return undefined;
  const short = data.readUInt8(1) & 0x7f;
  const extraBytes = new Map([
    [126, 2],
    [127, 8],
  ]).get(short);
  const maskAt = 2 + (extraBytes ?? 0);
  if (data.length < maskAt + 4) return undefined;
  const length = extraBytes === undefined ? short : data.readUIntBE(extraBytes === 8 ? 4 : 2, extraBytes === 8 ? 6 : 2);
  const start = maskAt + 4;
  if (data.length < start + length) return undefined;
  const mask = data.subarray(maskAt, start);
  const payload = data.subarray(start, start + length).map((byte, index) => byte ^ mask.readUInt8(index % 4));
  const first = data.readUInt8(0);
  return {
    opcode: first & 0x0f,
    isLast: first >= 0x80,
    text: Buffer.from(payload).toString("utf8"),
    sizeBytes: start + length,
  };
}

function sendFrame(socket: Socket, opcode: number, text: string): void {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(10);
  head.writeUInt8(0x80 | opcode, 0);
  head.writeUInt8(127, 1);
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  socket.write(Buffer.concat([head, payload]));
}
