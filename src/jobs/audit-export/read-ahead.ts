import { setImmediate as nextTurn } from "node:timers/promises";

/** Asks for the next item before it hands out the current one, so that the source works while the reader does. */
export async function* readAhead<Item>(source: AsyncIterable<Item>): AsyncGenerator<Item> {
  const items = source[Symbol.asyncIterator]();
  let next = items.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = items.next();
      // A failure is reported when its turn comes; until then nobody listens to it.
      next.catch(() => undefined);
      // The question has to leave before the reader keeps this thread busy.
      await nextTurn();
      yield value;
    }
  } finally {
    await next.catch(() => undefined);
    await items.return?.();
  }
}
