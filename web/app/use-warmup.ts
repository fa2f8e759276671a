import { useEffect, useRef, useState } from "preact/hooks";
import { isAbort, wordsOf } from "../api/client.js";
import { warmUp } from "../api/warmup.js";
import { useSession } from "./session.js";

export interface WarmupEntry {
  readonly id: number;
  readonly at: Date;
  readonly kind: "hot" | "cold" | "event" | "error";
  readonly text: string;
}

export interface Warmup {
  readonly lines: readonly WarmupEntry[];
  readonly state: "idle" | "running" | "hot";
  start(): void;
  stop(): void;
}

const MOST_LINES = 300;

/** Follows the warm-up of one chute, together with what the event stream tells about it meanwhile. */
export function useWarmup(chuteId: string): Warmup {
  const { api, events } = useSession();
  const [lines, setLines] = useState<readonly WarmupEntry[]>([]);
  const [state, setState] = useState<Warmup["state"]>("idle");
  const running = useRef<AbortController | undefined>(undefined);
  const write = (kind: WarmupEntry["kind"], text: string) => {
    setLines((before) =>
      [...before, { id: (before.at(-1)?.id ?? 0) + 1, at: new Date(), kind, text }].slice(-MOST_LINES),
    );
  };
  useEffect(() => {
    if (state !== "running") return;
    return events.subscribe((event) => {
      if (event.chuteId === chuteId) write("event", withoutId(event.message, chuteId) || event.reason);
    });
  }, [events.subscribe, chuteId, state]);
  useEffect(() => () => running.current?.abort(), []);
  const follow = async (signal: AbortSignal): Promise<void> => {
    let last: "hot" | "cold" = "cold";
    try {
      for await (const { status, log } of warmUp(api, chuteId, signal)) {
        last = status;
        write(status, log);
      }
      setState(last === "hot" ? "hot" : "idle");
    } catch (error) {
      if (!isAbort(error)) write("error", wordsOf(error));
      setState("idle");
    }
  };
  const start = () => {
    const abort = new AbortController();
    running.current = abort;
    setState("running");
    void follow(abort.signal);
  };
  return { lines, state, start, stop: () => running.current?.abort() };
}

/** On the chute's own page its id says nothing new. */
function withoutId(message: string, chuteId: string): string {
  return message.replaceAll(`Chute ${chuteId}`, "The chute").replaceAll(`chute ${chuteId}`, "the chute");
}
