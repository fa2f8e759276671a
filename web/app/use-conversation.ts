import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Message, streamChat } from "../api/chat.js";
import { type Api, isAbort, wordsOf } from "../api/client.js";
import type { Hosts } from "../api/hosts.js";
import { type Pace, PaceMeter } from "./pace-meter.js";

/** One message; an answer carries how it went. */
export interface Turn extends Message {
  readonly id: number;
  readonly state: "streaming" | "done" | "stopped" | "failed";
  readonly error?: string;
  readonly pace?: Pace | undefined;
}

/** How the next question is asked. */
export interface ChatSettings {
  readonly model: string;
  readonly system: string;
  readonly maxTokens: number;
  readonly temperature: number;
}

export interface Conversation {
  readonly turns: readonly Turn[];
  readonly isStreaming: boolean;
  send(text: string, settings: ChatSettings): void;
  stop(): void;
  clear(): void;
}

/** Faster repainting is not visible. */
const PAINT_MS = 40;

/** The playground's conversation; it lives as long as the session and is kept in memory only. */
export function useConversation(api: Api, { llmUrl }: Pick<Hosts, "llmUrl">): Conversation {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const running = useRef<AbortController | undefined>(undefined);
  const stop = useCallback(() => running.current?.abort(), []);
  useEffect(() => stop, [stop]);
  const send = (text: string, settings: ChatSettings) => {
    const question: Turn = { id: turns.length, role: "user", content: text, state: "done" };
    const answer: Turn = { id: turns.length + 1, role: "assistant", content: "", state: "streaming" };
    const asked = [...turns, question];
    const abort = new AbortController();
    running.current = abort;
    setTurns([...asked, answer]);
    const show = (change: Partial<Turn>) =>
      setTurns((now) => now.map((turn) => (turn.id === answer.id ? { ...turn, ...change } : turn)));
    const messages = messagesOf(asked, settings.system);
    void follow(streamChat(api, { llmUrl, ...settings, messages }, abort.signal), show);
  };
  const clear = () => {
    stop();
    setTurns([]);
  };
  return { turns, isStreaming: turns.at(-1)?.state === "streaming", send, stop, clear };
}

function messagesOf(turns: readonly Turn[], system: string): Message[] {
  const said = turns.filter(({ content }) => content !== "").map(({ role, content }) => ({ role, content }));
  return system.trim() === "" ? said : [{ role: "system", content: system.trim() }, ...said];
}

async function follow(stream: ReturnType<typeof streamChat>, show: (change: Partial<Turn>) => void): Promise<void> {
  const meter = new PaceMeter(performance.now());
  let content = "";
  let paintedAt = 0;
  try {
    for await (const event of stream) {
      const at = performance.now();
      if (event.kind === "usage") meter.counted(event.tokens);
      else {
        content += event.text;
        meter.piece(at);
      }
      if (at - paintedAt < PAINT_MS) continue;
      paintedAt = at;
      show({ content, pace: meter.pace() });
    }
    show({ content, state: "done", pace: meter.pace() });
  } catch (error) {
    const ending: Partial<Turn> = isAbort(error) ? { state: "stopped" } : { state: "failed", error: wordsOf(error) };
    show({ content, pace: meter.pace(), ...ending });
  }
}
