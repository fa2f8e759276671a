import { WebSocket } from "undici";

type SocketEvent = "connected" | "disconnected" | "error";
type OnUpdate = (error: Error | null, result: unknown) => void;
type Listener = (value?: unknown) => unknown;

/** More open calls than any use of one client makes. */
const MAX_PENDING = 1024;

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Present when the answer is the id of a subscription. */
  readonly onUpdate: OnUpdate | undefined;
}

interface Incoming {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  readonly params?: { readonly subscription?: unknown; readonly result?: unknown };
}

/** A node's JSON-RPC error; `code` is the node's. */
export class NodeError extends Error {
  readonly code: number;

  constructor(error: { code: number; message: string; data?: unknown }) {
    super(error.data === undefined ? error.message : `${error.message}: ${String(error.data)}`);
    this.code = error.code;
  }
}

/**
 * One WebSocket to a node, in the shape of the chain library's provider. The library's own provider writes the endpoint, and with it the
 * key of a paid one, to the console; and it reconnects behind our back. This one is lost once and for all when the connection is lost.
 */
export class NodeSocket {
  readonly hasSubscriptions = true;
  readonly isClonable = false;
  readonly #socket: WebSocket;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<string, OnUpdate>();
  readonly #listeners = new Map<SocketEvent, Set<Listener>>();
  #nextId = 1;

  /** Opens the connection. @throws Error when it does not open in time */
  static async open(url: string, timeoutMs: number): Promise<NodeSocket> {
    const socket = new WebSocket(url);
    const node = new NodeSocket(socket, timeoutMs);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => fail("the connection did not open in time"), timeoutMs);
      const fail = (why: string) => {
        clearTimeout(timer);
        reject(new Error(why));
        socket.close();
      };
      socket.addEventListener("error", (event) => fail(event.message || "the connection was refused"));
      socket.addEventListener("close", () => fail("the connection was closed"));
      socket.addEventListener("open", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    return node;
  }

  private constructor(socket: WebSocket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.addEventListener("message", (event) => this.#receive(event.data));
    socket.addEventListener("close", () => this.#lose());
  }

  get isConnected(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  clone(): never {
    throw new Error("a node socket cannot be cloned");
  }

  async connect(): Promise<void> {
    if (!this.isConnected) throw new Error("the connection to the node is lost");
  }

  async disconnect(): Promise<void> {
    this.#socket.close();
  }

  on(event: SocketEvent, listener: Listener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  async send<Result>(method: string, params: unknown[]): Promise<Result> {
    return (await this.#call(method, params, undefined)) as Result;
  }

  // biome-ignore lint/complexity/useMaxParams: the shape is the library's
  async subscribe(_: string, method: string, params: unknown[], onUpdate: OnUpdate): Promise<string> {
    return String(await this.#call(method, params, onUpdate));
  }

  /** A subscription that cannot be ended any more has ended with its connection. */
  unsubscribe(_: string, method: string, id: number | string): Promise<boolean> {
    this.#subscriptions.delete(String(id));
    return this.#call(method, [id], undefined).then(Boolean, () => false);
  }

  #call(method: string, params: unknown[], onUpdate: OnUpdate | undefined): Promise<unknown> {
    if (!this.isConnected) return Promise.reject(new Error("the connection to the node is lost"));
    if (this.#pending.size >= MAX_PENDING) return Promise.reject(new Error("too many calls are open"));
    const id = this.#nextId++;
    return new Promise<unknown>((resolve, reject) => {
      const settle = <Value>(pass: (value: Value) => void) => {
        return (value: Value) => {
          clearTimeout(timer);
          this.#pending.delete(id);
          pass(value);
        };
      };
      const pending = { resolve: settle(resolve), reject: settle(reject), onUpdate };
      const timer = setTimeout(() => pending.reject(new Error(`no answer to ${method} in time`)), this.#timeoutMs);
      this.#pending.set(id, pending);
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  #receive(data: unknown): void {
    const message = parseMessage(data);
    if (message?.id !== undefined) this.#settle(message.id, message);
    else this.#subscriptions.get(String(message?.params?.subscription))?.(null, message?.params?.result);
  }

  #settle(id: number, message: Incoming): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    // Noted before the caller hears of it, so that an update right behind the answer finds its subscription.
    if (pending.onUpdate !== undefined && message.error === undefined)
      this.#subscriptions.set(String(message.result), pending.onUpdate);
    if (message.error === undefined) pending.resolve(message.result);
    else pending.reject(new NodeError(message.error));
  }

  #lose(): void {
    for (const pending of this.#pending.values()) pending.reject(new Error("the connection to the node is lost"));
    this.#subscriptions.clear();
    for (const listener of this.#listeners.get("disconnected") ?? []) listener();
  }
}

/** Anything that is not a JSON object is passed over: the call it may have answered runs into its time limit. */
function parseMessage(data: unknown): Incoming | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const message: unknown = JSON.parse(data);
    return typeof message === "object" && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}
