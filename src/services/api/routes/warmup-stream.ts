import { Readable } from "node:stream";
import type { ChuteWatch } from "./warmup-watch.js";

/** What a listener is told after a look. */
export interface WarmupNews {
  readonly status: "cold" | "hot";
  readonly log: string;
  /** Nothing more will come. */
  readonly isLast: boolean;
}

export interface WarmupStreamOptions {
  readonly chuteId: string;
  readonly longestMs: number;
}

/** Bytes that wait for a slow client; what comes on top of them is left out. */
const MOST_WAITING_BYTES = 65_536;
const KEEPALIVE = ": keepalive\n\n";

/**
 * News of a chute as server-sent events: one after every look until the last, a comment where looking failed. Ends after
 * `longestMs`, or when the watch closes; a client that leaves takes its listener with it.
 * @throws AppError `unavailable` when too many listen
 * @see protocol 03 §16
 */
export function warmupStream(watch: ChuteWatch<WarmupNews>, options: WarmupStreamOptions): Readable {
  const { chuteId, longestMs } = options;
  const stream = new Readable({
    highWaterMark: MOST_WAITING_BYTES,
    read: () => undefined,
    destroy: (error, done) => {
      stop();
      done(error);
    },
  });
  const stopListening = watch.listen(chuteId, {
    onLook: (news) => {
      if (stream.readableLength < MOST_WAITING_BYTES) stream.push(news === undefined ? KEEPALIVE : event(news));
      if (news?.isLast === true) finish();
    },
    onEnd: () => finish(),
  });
  const stop = () => {
    clearTimeout(timer);
    stopListening();
  };
  const finish = () => {
    stop();
    stream.push(null);
  };
  const timer = setTimeout(finish, longestMs);
  return stream;
}

function event({ status, log }: WarmupNews): string {
  return `data: ${JSON.stringify({ status, log })}\n\n`;
}
