import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { createLogger } from "../../../../src/kernel/logger.js";
import type { ChangeListener } from "../../../../src/services/api/directory/directory.js";
import { type WarmupNews, warmupStream } from "../../../../src/services/api/routes/warmup-stream.js";
import { openChuteWatch } from "../../../../src/services/api/routes/warmup-watch.js";

const COLD: WarmupNews = { status: "cold", log: "waiting", isLast: false };
const HOT: WarmupNews = { status: "hot", log: "serving", isLast: true };
const log = createLogger({ level: "fatal", secrets: [] });

/** A watch whose looks answer what `state.news` holds, and fail while it is undefined. */
function world(options: { pollMs?: number; limit?: number } = {}) {
  const state: { news: WarmupNews | undefined; looks: number } = { news: COLD, looks: 0 };
  const listeners = new Set<ChangeListener>();
  const directory = {
    onChange: (listener: ChangeListener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const look = async () => {
    state.looks += 1;
    if (state.news === undefined) throw new Error("the database is away");
    return state.news;
  };
  const watch = openChuteWatch({ look, directory, log, pollMs: options.pollMs ?? 60_000, limit: options.limit ?? 100 });
  onTestFinished(() => watch.close());
  const tell: ChangeListener = (change) => {
    for (const listener of listeners) listener(change);
  };
  const stream = (longestMs = 60_000) => warmupStream(watch, { chuteId: "c1", longestMs });
  return { state, watch, tell, stream, listeners };
}

const COLD_EVENT = 'data: {"status":"cold","log":"waiting"}\n\n';
const HOT_EVENT = 'data: {"status":"hot","log":"serving"}\n\n';

test("all who wait for a chute share its looks, and end with the one that finds it hot", async () => {
  const { state, stream, tell } = world();
  const streams = Array.from({ length: 50 }, () => stream());
  const texts = Promise.all(streams.map((each) => text(each)));
  await vi.waitFor(() => expect(streams.every((each) => each.readableDidRead)).toBe(true));
  state.news = HOT;
  tell({ kind: "instances", id: "c1" });
  for (const received of await texts) {
    expect(received.endsWith(HOT_EVENT)).toBe(true);
    expect(received.startsWith(COLD_EVENT)).toBe(true);
  }
  // One for the first, one for all that joined while it ran, one for the change.
  expect(state.looks).toBeLessThanOrEqual(3);
});

test("without any announcement the next look comes after the pause", async () => {
  const { state, stream } = world({ pollMs: 20 });
  const received = text(stream());
  await vi.waitFor(() => expect(state.looks).toBeGreaterThan(2));
  state.news = HOT;
  expect(await received).toMatch(
    /^(data: \{"status":"cold","log":"waiting"\}\n\n)+data: \{"status":"hot","log":"serving"\}\n\n$/,
  );
});

test("changes of other chutes, and of other things, are none of a listener's business", async () => {
  const { state, stream, tell } = world();
  const waiting = stream();
  await once(waiting, "readable");
  tell({ kind: "instances", id: "c2" });
  tell({ kind: "account", id: "c1" });
  expect(state.looks).toBe(1);
  tell(undefined);
  await vi.waitFor(() => expect(state.looks).toBe(2));
  waiting.destroy();
});

test("a look that fails is a comment, and the stream goes on", async () => {
  const { state, stream } = world({ pollMs: 5 });
  state.news = undefined;
  const received = text(stream());
  await vi.waitFor(() => expect(state.looks).toBeGreaterThan(1));
  state.news = HOT;
  expect(await received).toMatch(/^(: keepalive\n\n)+data: \{"status":"hot","log":"serving"\}\n\n$/);
});

test("a stream ends after its longest time, and when the watch closes", async () => {
  const { stream, watch } = world();
  expect(await text(stream(20))).toBe(COLD_EVENT);
  const received = text(stream());
  await watch.close();
  expect(await received).toMatch(/^(data: .*\n\n)?$/);
});

test("whoever leaves takes the looking along", async () => {
  const { state, stream } = world({ pollMs: 5 });
  const [first, second] = [stream(), stream()];
  await vi.waitFor(() => expect(state.looks).toBeGreaterThan(1));
  first.destroy();
  const { looks } = state;
  await vi.waitFor(() => expect(state.looks).toBeGreaterThan(looks));
  second.destroy();
  await once(second, "close");
  const after = state.looks;
  await new Promise((resolve) => setTimeout(resolve, 40));
  // A look that ran while the last one left may still have ended.
  expect(state.looks).toBeLessThanOrEqual(after + 1);
});

test("more listeners than fit are refused, and there is room again when one leaves", async () => {
  const { stream, watch, listeners } = world({ limit: 2 });
  const [first] = [stream(), stream()];
  expect(() => stream()).toThrow(expect.objectContaining({ kind: "unavailable" }));
  first.destroy();
  await once(first, "close");
  expect(() => stream()).not.toThrow();
  await watch.close();
  expect(listeners.size).toBe(0);
});
