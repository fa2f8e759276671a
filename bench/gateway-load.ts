// Child of bench/gateway.ts: sends chat requests over plain sockets, because a full HTTP client would take its share of the CPU.
import { connect, type Socket } from "node:net";

export interface LoadTask {
  readonly port: number;
  readonly host: string;
  readonly authorization: string;
  readonly connections: number;
  /** Closed loop for this long; streams: one per connection. */
  readonly seconds: number;
  readonly frames?: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly failures: number;
  readonly seconds: number;
  /** Milliseconds, sorted: of requests, or of frames on their way. */
  readonly timesMs: readonly number[];
  readonly frames: number;
}

const MODEL = "bench/model";
const PADDING = "Tell me about the sea. ".repeat(40);

function requestBytes(task: LoadTask): Buffer {
  const body = JSON.stringify({
    model: MODEL,
    messages: [{ role: "user", content: PADDING }],
    ...(task.frames !== undefined && { stream: true, max_tokens: task.frames }),
  });
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `Host: ${task.host}`,
    `Authorization: ${task.authorization}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function open(task: LoadTask): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: task.port, host: "127.0.0.1", noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");

/** Sends whole requests one after the other on a connection, until the time is over. */
async function wholeLoop(
  task: LoadTask,
  until: number,
  report: { timesMs: number[]; failures: number },
): Promise<void> {
  const socket = await open(task);
  const bytes = requestBytes(task);
  await new Promise<void>((resolve, reject) => {
    let sentAt = 0;
    let got: Buffer = Buffer.alloc(0);
    const next = () => {
      if (performance.now() >= until) {
        socket.destroy();
        return resolve();
      }
      sentAt = performance.now();
      socket.write(bytes);
    };
    socket.on("data", (chunk: Buffer) => {
      got = got.length === 0 ? chunk : Buffer.concat([got, chunk]);
      const headEnd = got.indexOf(END_OF_HEAD);
      if (headEnd === -1) return;
      const head = got.toString("latin1", 0, headEnd);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (got.length < headEnd + 4 + length) return;
      if (head.startsWith("HTTP/1.1 200")) report.timesMs.push(performance.now() - sentAt);
      else report.failures += 1;
      got = Buffer.alloc(0);
      next();
    });
    socket.on("error", reject);
    next();
  });
}

/** Reads one stream to its end; each frame tells when it was made. */
async function oneStream(task: LoadTask, report: { timesMs: number[]; failures: number }): Promise<void> {
  const socket = await open(task);
  await new Promise<void>((resolve, reject) => {
    let rest = "";
    socket.on("data", (chunk: Buffer) => {
      const now = performance.timeOrigin + performance.now();
      const text = rest + chunk.toString("latin1");
      const stamp = /"content":"(\d+\.\d+)"/g;
      let end = 0;
      for (let match = stamp.exec(text); match !== null; match = stamp.exec(text)) {
        report.timesMs.push(now - Number(match[1]));
        end = stamp.lastIndex;
      }
      if (text.includes("data: [DONE]", end)) {
        socket.destroy();
        return resolve();
      }
      rest = text.slice(Math.max(end, text.length - 4096));
    });
    socket.on("error", reject);
    socket.on("close", () => resolve());
    socket.write(requestBytes(task));
  });
}

async function run(task: LoadTask): Promise<LoadReport> {
  const report = { timesMs: [] as number[], failures: 0 };
  const startedAt = performance.now();
  if (task.frames === undefined) {
    const until = startedAt + task.seconds * 1000;
    await Promise.all(Array.from({ length: task.connections }, () => wholeLoop(task, until, report)));
  } else {
    const streams = Array.from({ length: task.connections }, async (_, index) => {
      // Spread over one frame's time: users do not start together.
      await new Promise((resolve) => setTimeout(resolve, (index * 20) / task.connections));
      await oneStream(task, report);
    });
    await Promise.all(streams);
  }
  const isStream = task.frames !== undefined;
  return {
    requests: isStream ? task.connections : report.timesMs.length,
    failures: report.failures,
    seconds: (performance.now() - startedAt) / 1000,
    timesMs: report.timesMs.sort((a, b) => a - b),
    frames: isStream ? report.timesMs.length : 0,
  };
}

process.on("message", (task: LoadTask) => {
  run(task).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
