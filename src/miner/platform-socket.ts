import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { io, type Socket } from "socket.io-client";
import { localhostLookup } from "../infra/http-client/localhost-lookup.js";
import { pause, type Running } from "../kernel/lifecycle.js";
import type { Logger } from "../kernel/logger.js";
import { signedHeaders } from "../wire/headers.js";
import type { Keypair } from "../wire/keypair.js";

const CONNECT_TIMEOUT_MS = 10_000;
const AUTHENTICATION_TIMEOUT_MS = 15_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** After a refusal: whoever is not registered yet may be in a minute. */
const LONGEST_REFUSED_WAIT_MS = 60_000;

export interface PlatformSocketOptions {
  /** ws, wss, http or https URL of the socket host. */
  readonly url: string;
  readonly keypair: Keypair;
  readonly onBroadcast: (message: unknown) => void;
  /** Called after each successful authentication: events may have been missed before. */
  readonly onReady: () => void;
  readonly log: Logger;
  readonly now: () => Date;
}

export interface PlatformSocket extends Running {
  readonly isAuthenticated: boolean;
  /** The platform's words when it last refused this miner; cleared by a success. */
  readonly refusal: string | undefined;
}

/**
 * The private event channel. Comes back for ever, whatever ended it: the library does so after transport failures, and this
 * after the platform's own disconnects, which it would take as final. @see protocol 05 §2.2, §2.6
 */
export function openPlatformSocket(options: PlatformSocketOptions): PlatformSocket {
  const { url, keypair, log, now } = options;
  const state = { isAuthenticated: false, refusal: undefined as string | undefined, refusals: 0 };
  const stop = new AbortController();
  const socket = connectTo(url);
  let deadline: NodeJS.Timeout | undefined;

  socket.on("connect", () => {
    log.debug({ url }, "socket connected");
    socket.emit("authenticate", signedHeaders(keypair, { purpose: "sockets" }, now()));
    deadline = setTimeout(() => socket.io.engine.close(), AUTHENTICATION_TIMEOUT_MS);
  });
  socket.on("auth_success", () => {
    clearTimeout(deadline);
    Object.assign(state, { isAuthenticated: true, refusal: undefined, refusals: 0 });
    log.info({ url }, "socket authenticated");
    options.onReady();
  });
  socket.on("auth_failed", (answer: unknown) => {
    state.refusal = String(Reflect.get(Object(answer), "error") ?? "no reason given");
    state.refusals += 1;
    log.warn({ url, code: "MIN001", reason: state.refusal }, "socket refused this miner");
  });
  socket.on("miner_broadcast", options.onBroadcast);
  socket.on("connect_error", (error) => log.debug({ url, reason: error.message }, "socket not reachable"));
  socket.on("disconnect", (reason) => {
    clearTimeout(deadline);
    state.isAuthenticated = false;
    log.info({ url, reason }, "socket disconnected");
    if (reason === "io server disconnect") void connectLater(socket, state.refusals, stop.signal);
  });
  return {
    get isAuthenticated() {
      return state.isAuthenticated;
    },
    get refusal() {
      return state.refusal;
    },
    async close() {
      stop.abort();
      clearTimeout(deadline);
      socket.disconnect();
    },
  };
}

function connectTo(url: string): Socket {
  const lookup = { lookup: localhostLookup as never };
  const isSecure = /^(wss|https):/i.test(url);
  return io(url, {
    transports: ["websocket"],
    forceNew: true,
    timeout: CONNECT_TIMEOUT_MS,
    reconnectionDelay: FIRST_WAIT_MS,
    reconnectionDelayMax: LONGEST_WAIT_MS,
    agent: (isSecure ? new HttpsAgent(lookup) : new HttpAgent(lookup)) as never,
  });
}

async function connectLater(socket: Socket, refusals: number, signal: AbortSignal): Promise<void> {
  await pause(Math.min(FIRST_WAIT_MS * 2 ** Math.min(refusals, 10), LONGEST_REFUSED_WAIT_MS), signal);
  if (!signal.aborted) socket.connect();
}
