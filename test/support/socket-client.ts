import { io, type Socket } from "socket.io-client";
import { signedHeaders } from "../../src/wire/headers.js";
import type { Keypair } from "../../src/wire/keypair.js";

/** One event as a client got it. */
export interface SeenEvent {
  readonly name: string;
  readonly body: Record<string, unknown>;
}

/** A websocket client that remembers what it was told; like the miners' it authenticates on every connect. */
export class SocketClient {
  readonly seen: SeenEvent[] = [];
  connects = 0;
  readonly socket: Socket;

  constructor(url: string, signer?: Keypair) {
    this.socket = io(url, {
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 100,
      randomizationFactor: 0,
    });
    this.socket.on("connect", () => {
      this.connects += 1;
      if (signer !== undefined) this.authenticate(signedHeaders(signer, { purpose: "sockets" }, new Date()));
    });
    this.socket.onAny((name: string, body: Record<string, unknown>) => this.seen.push({ name, body }));
  }

  authenticate(payload: unknown): void {
    this.socket.emit("authenticate", payload);
  }

  /** Events of one name so far. */
  named(name: string): Record<string, unknown>[] {
    return this.seen.filter((event) => event.name === name).map(({ body }) => body);
  }

  /** Reasons of the events of one name, in order. */
  reasons(name: string): unknown[] {
    return this.named(name).map((body) => body["reason"]);
  }

  close(): void {
    this.socket.disconnect();
  }
}
