import { AppError } from "../../kernel/errors.js";
import { pause, type Running, withTimeout } from "../../kernel/lifecycle.js";
import type { Logger } from "../../kernel/logger.js";
import { logOutages, type Redis } from "./client.js";

export interface SubscribeDeps {
  /** Only its settings are used: the subscription opens a connection of its own. */
  readonly redis: Redis;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Pause between two signs of life, milliseconds; default 15 000. */
  readonly pingIntervalMs?: number;
  /** Told whether messages arrive: false from the loss of the connection on, true once subscribed (again). */
  readonly onState?: (isSubscribed: boolean) => void;
}

/** How long the first subscription may take. */
const FIRST_SUBSCRIPTION_MS = 10_000;
const RETRY_START_MS = 1000;
const RETRY_CAP_MS = 30_000;

/**
 * Calls `onMessage` with every JSON message of a channel until closed or aborted. After an outage it subscribes again, for
 * ever, after 1 s doubling to 30 s; messages of the outage are lost. What is not JSON, or makes `onMessage` throw, is
 * logged and dropped.
 * @returns once subscribed
 * @throws AppError `unavailable` when the first subscription takes longer than 10 s, `aborted` when the signal comes first
 * @see protocol 05 §2.3
 */
export async function subscribe(
  deps: SubscribeDeps,
  channel: string,
  onMessage: (payload: unknown) => void,
): Promise<Running> {
  const { redis, log, signal } = deps;
  const connection = redis.duplicate({
    // Our own: ioredis forgets the channel when the connection drops again before it was confirmed.
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(RETRY_START_MS * 2 ** Math.min(attempt - 1, 10), RETRY_CAP_MS),
  });
  const stop = new AbortController();
  const close = () => {
    stop.abort();
    signal.removeEventListener("abort", close);
    // The in-process twin goes on delivering to a connection that was only disconnected.
    connection.unsubscribe(channel).catch(() => undefined);
    connection.disconnect();
  };
  logOutages(connection, log);
  connection.on("message", (_channel: string, text: string) => deliver(text, { channel, log, onMessage }));
  const onState = deps.onState ?? (() => undefined);
  connection.on("close", () => onState(false));
  const subscribed = keepSubscribed(connection, channel, { log, onState });
  if (signal.aborted) stop.abort();
  signal.addEventListener("abort", close, { once: true });
  try {
    await firstSubscription(subscribed, channel, stop.signal);
  } catch (error) {
    close();
    throw error;
  }
  void watchPulse(connection, deps.pingIntervalMs ?? 15_000, stop.signal);
  return { close: async () => close() };
}

/** Sends a JSON message. @returns how many connections got it */
export function publish(redis: Redis, channel: string, payload: unknown): Promise<number> {
  return redis.publish(channel, JSON.stringify(payload));
}

/** Subscribes whenever the connection is ready; resolves the first time that worked. */
function keepSubscribed(
  connection: Redis,
  channel: string,
  { log, onState }: { readonly log: Logger; readonly onState: (isSubscribed: boolean) => void },
): Promise<void> {
  return new Promise((resolve) => {
    connection.on("ready", () => {
      connection.subscribe(channel).then(
        () => {
          onState(true);
          resolve();
        },
        (error: unknown) => {
          log.warn({ err: error, channel }, "redis refused a subscription");
          connection.disconnect(true);
        },
      );
    });
  });
}

function firstSubscription(subscribed: Promise<void>, channel: string, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new AppError("aborted", `stopped while subscribing to ${channel}`));
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
  });
  const work = () => Promise.race([subscribed, aborted]);
  const late = () => new AppError("unavailable", `redis did not confirm the subscription to ${channel} in time`);
  return withTimeout(FIRST_SUBSCRIPTION_MS, work, late);
}

/** A subscriber never writes, so it would not notice a peer that went away without a word. */
async function watchPulse(connection: Redis, intervalMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(intervalMs, signal);
    if (signal.aborted) return;
    await connection.ping().catch(() => {
      if (connection.status === "ready") connection.disconnect(true);
    });
  }
}

interface Delivery {
  readonly channel: string;
  readonly log: Logger;
  readonly onMessage: (payload: unknown) => void;
}

function deliver(text: string, { channel, log, onMessage }: Delivery): void {
  try {
    onMessage(JSON.parse(text));
  } catch (error) {
    log.warn({ err: error, channel, sizeBytes: text.length }, "dropped a message");
  }
}
