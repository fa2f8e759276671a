import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";
import { AppError } from "../../kernel/errors.js";
import type { InstanceTarget } from "../../wire/instance-transport.js";
import { connectTls } from "./tls-connection.js";

export interface SessionPoolOptions {
  /** Sessions kept; the one unused for longest is closed first. Default 2048. */
  readonly maxSessions?: number;
  /** How long a session without calls stays open, milliseconds. Default 75 000. */
  readonly idleMs?: number;
  readonly connectTimeoutMs: number;
  /** How often busy connections are checked, milliseconds. Default 15 000; twice that is how long a dead one goes unnoticed. */
  readonly pulseMs?: number;
}

/** Bytes of one call's answer that may wait unread on our side; the rest waits at the instance. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
/** Many streams share a connection: this bounds them together. */
const SESSION_WINDOW_BYTES = 32 * 1024 * 1024;
const SESSION_MEMORY_MB = 64;

interface Entry {
  readonly session: ClientHttp2Session;
  /** Changes when the instance moved or got new certificates. */
  readonly address: string;
  openStreams: number;
  /** A ping has not been answered yet. */
  isPinged: boolean;
}

/** One HTTP/2 session per instance, opened on first use. @see protocol 04 §6.1 */
export class InstanceSessions {
  readonly #options: Required<SessionPoolOptions>;
  /** In order of use: the first is the oldest. */
  readonly #entries = new Map<string, Entry>();
  readonly #opening = new Map<string, Promise<Entry>>();
  readonly #pulse: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: SessionPoolOptions) {
    this.#options = { maxSessions: 2048, idleMs: 75_000, pulseMs: 15_000, ...options };
    this.#pulse = setInterval(() => this.#checkPulse(), this.#options.pulseMs).unref();
  }

  /**
   * Starts a request, on a new connection when there is none.
   * @throws AppError `unavailable` when the instance has no certificate or cannot be reached
   */
  async request(target: InstanceTarget, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    const entry = this.#usable(target) ?? (await this.#open(target));
    const stream = entry.session.request(headers);
    entry.openStreams += 1;
    stream.once("close", () => {
      entry.openStreams -= 1;
    });
    return stream;
  }

  /** Forgets an instance's session. Its calls end with an error. */
  evict(instanceId: string): void {
    const entry = this.#entries.get(instanceId);
    this.#entries.delete(instanceId);
    entry?.session.destroy();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#pulse);
    for (const instanceId of [...this.#entries.keys()]) this.evict(instanceId);
  }

  #usable(target: InstanceTarget): Entry | undefined {
    const entry = this.#entries.get(target.instanceId);
    if (entry === undefined) return undefined;
    this.#entries.delete(target.instanceId);
    if (entry.session.closed || entry.session.destroyed) return undefined;
    if (entry.address !== addressOf(target)) {
      entry.session.close();
      return undefined;
    }
    this.#entries.set(target.instanceId, entry);
    return entry;
  }

  #open(target: InstanceTarget): Promise<Entry> {
    const { instanceId } = target;
    const opening = this.#opening.get(instanceId) ?? this.#connect(target);
    this.#opening.set(instanceId, opening);
    return opening.finally(() => this.#opening.delete(instanceId));
  }

  async #connect(target: InstanceTarget): Promise<Entry> {
    const { tls } = target.transport;
    if (tls === undefined) throw new AppError("unavailable", "the instance has no certificate");
    const socket = await connectTls(target, tls, this.#options.connectTimeoutMs);
    const session = connect(`https://${tls.commonName}:${target.port}`, {
      createConnection: () => socket,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    const entry: Entry = { session, address: addressOf(target), openStreams: 0, isPinged: false };
    this.#keep(target.instanceId, entry);
    return entry;
  }

  #keep(instanceId: string, entry: Entry): void {
    const { session } = entry;
    const forget = () => {
      if (this.#entries.get(instanceId) === entry) this.#entries.delete(instanceId);
    };
    session.on("error", forget);
    session.on("goaway", forget);
    session.on("close", forget);
    session.once("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    });
    session.setTimeout(this.#options.idleMs);
    session.on("timeout", () => {
      // It fires once: calls that are silent for longer must not keep the connection open for ever after.
      if (entry.openStreams > 0) session.setTimeout(this.#options.idleMs);
      else session.close();
    });
    if (this.#isClosed) {
      session.destroy();
      return;
    }
    this.#entries.set(instanceId, entry);
    this.#dropOldest();
  }

  /** A host that vanished without a word would keep its calls waiting for as long as they may be silent. */
  #checkPulse(): void {
    for (const entry of this.#entries.values()) {
      if (entry.openStreams === 0 || entry.session.destroyed) continue;
      if (entry.isPinged) entry.session.destroy(new AppError("unavailable", "the connection to the instance is dead"));
      else {
        entry.isPinged = true;
        entry.session.ping(() => {
          entry.isPinged = false;
        });
      }
    }
  }

  #dropOldest(): void {
    if (this.#entries.size <= this.#options.maxSessions) return;
    const [oldest] = this.#entries;
    if (oldest === undefined) return;
    this.#entries.delete(oldest[0]);
    // Running calls may end; new ones open a session of their own.
    oldest[1].session.close();
  }
}

function addressOf({ host, port, transport }: InstanceTarget): string {
  return `${host}:${port}:${transport.tls?.certPem ?? ""}`;
}
