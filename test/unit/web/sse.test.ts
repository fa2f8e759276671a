import fc from "fast-check";
import { expect, test } from "vitest";
import { eventData } from "../../../web/api/sse.js";

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function readBytes(chunks: readonly Uint8Array[]): Promise<string[]> {
  const events: string[] = [];
  for await (const data of eventData(streamOf(chunks))) events.push(data);
  return events;
}

const read = (...chunks: readonly string[]) => readBytes(chunks.map((chunk) => new TextEncoder().encode(chunk)));

test("each event gives its data; comments and other fields are dropped", async () => {
  expect(await read(": keepalive\n\nevent: x\ndata: one\n\ndata: two\ndata: three\n\n")).toEqual(["one", "two\nthree"]);
});

test("lines may end as on the other system, and the last event needs no blank line", async () => {
  expect(await read("data: one\r\n\r\ndata:two")).toEqual(["one", "two"]);
});

test("events come whole however their bytes were cut", async () => {
  const text = 'data: {"text":"naïve 🪂"}\n\ndata: [DONE]\n\n';
  const bytes = new TextEncoder().encode(text);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 6 }), async (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((end, index) => bytes.slice(edges[index], end));
      expect(await readBytes(chunks)).toEqual(['{"text":"naïve 🪂"}', "[DONE]"]);
    }),
  );
});

test("whoever stops reading ends the stream", async () => {
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
    cancel: () => {
      isCancelled = true;
    },
  });
  for await (const data of eventData(endless)) {
    expect(data).toBe("x");
    break;
  }
  expect(isCancelled).toBe(true);
});
