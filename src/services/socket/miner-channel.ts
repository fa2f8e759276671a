import type { Server as HttpServer } from "node:http";
import { Server, type Socket } from "socket.io";
import type { Running } from "../../kernel/lifecycle.js";
import type { Logger } from "../../kernel/logger.js";
import { type Authentication, authenticateMiner, type MinerDirectory } from "./authenticate.js";

export interface MinerChannelOptions extends MinerDirectory {
  readonly log: Logger;
  /** How long a connection may stay without authenticating; default 15 s. */
  readonly patienceMs?: number;
  /** Told the number of authenticated sessions whenever it changes. */
  readonly onSessions?: (sessions: number) => void;
}

/** The private channel to miners. */
export interface MinerChannel extends Running {
  /** Delivers a `miner_broadcast` message to the sessions it is for. */
  broadcast(message: unknown): void;
  /** Authenticated sessions at this moment. */
  sessions(): number;
}

/** Authenticated sessions; every hotkey has a room of its own beside it, so several sessions of one miner all stay bound. */
const EVERYBODY = "authenticated";
const roomOf = (hotkey: string) => `hotkey:${hotkey}`;

/**
 * Runs the miners' channel on a server. Clients of this protocol never come back after a namespace disconnect, so that is sent
 * only to those whose authentication definitively failed; every other end closes the transport.
 * @see protocol 05 §2.2, §2.3, §2.6
 */
export function openMinerChannel(server: HttpServer, options: MinerChannelOptions): MinerChannel {
  const io = new Server(server, {
    cors: { origin: "*" },
    pingInterval: 25_000,
    pingTimeout: 20_000,
    maxHttpBufferSize: 1_000_000,
    serveClient: false,
  });
  const sessions = () => io.of("/").adapter.rooms.get(EVERYBODY)?.size ?? 0;
  const count = () => options.onSessions?.(sessions());
  io.on("connection", (socket) => {
    greet(socket, options, count);
    socket.on("disconnect", count);
  });
  return {
    broadcast: (message) => broadcast(io, message, options.log),
    sessions,
    close: async () => {
      await io.close();
    },
  };
}

function greet(socket: Socket, options: MinerChannelOptions, onBound: () => void): void {
  const patience = setTimeout(() => dropTransport(socket), options.patienceMs ?? 15_000);
  let isBusy = false;
  socket.on("disconnect", () => clearTimeout(patience));
  socket.on("authenticate", (payload: unknown) => {
    if (isBusy || socket.rooms.has(EVERYBODY)) return;
    isBusy = true;
    authenticateMiner(options, payload)
      .then((result) => answer(socket, result, options.log))
      .catch((error: unknown) => {
        options.log.warn({ err: error }, "a miner could not be authenticated right now");
        dropTransport(socket);
      })
      .finally(() => {
        isBusy = false;
        if (!socket.rooms.has(EVERYBODY)) return;
        clearTimeout(patience);
        onBound();
      });
  });
  socket.on("miner_message", () => {
    if (!socket.rooms.has(EVERYBODY)) dropTransport(socket);
  });
}

async function answer(socket: Socket, result: Authentication, log: Logger): Promise<void> {
  if (!result.ok) {
    log.info({ detail: result.detail }, "miner authentication failed");
    socket.emit("auth_failed", { error: `Authentication failed: ${result.detail}` });
    socket.disconnect(true);
    return;
  }
  await socket.join([EVERYBODY, roomOf(result.hotkey)]);
  socket.emit("auth_success", { message: "Authenticated" });
  log.info({ minerHotkey: result.hotkey }, "miner connected");
}

/** The client takes this for a broken connection and comes back. */
function dropTransport(socket: Socket): void {
  socket.conn.close();
}

function broadcast(io: Server, message: unknown, log: Logger): void {
  const rooms = roomsFor(message);
  if (rooms === undefined) {
    log.warn("dropped a broadcast that is not an object with a list of recipients");
    return;
  }
  // An empty list of rooms would mean all sockets.
  if (rooms.length > 0) io.to(rooms).emit("miner_broadcast", message);
}

function roomsFor(message: unknown): string[] | undefined {
  if (typeof message !== "object" || message === null || Array.isArray(message)) return undefined;
  const recipients = (message as { filter_recipients?: unknown }).filter_recipients ?? null;
  if (recipients === null) return [EVERYBODY];
  return Array.isArray(recipients) ? recipients.map((hotkey) => roomOf(String(hotkey))) : undefined;
}
