import { useEffect, useRef } from "preact/hooks";
import type { Turn } from "../app/use-conversation.js";
import { count, plural, rate } from "../parts/formats.js";
import { Empty } from "../parts/states.js";

/** Closer to the end than this, the view follows the stream. */
const FOLLOW_PX = 120;

/** Read aloud when an answer is complete, not word by word. */
export function ConversationLog({ turns }: { turns: readonly Turn[] }) {
  const log = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const view = log.current;
    if (view === null) return;
    const distance = view.scrollHeight - view.scrollTop - view.clientHeight;
    if (distance < FOLLOW_PX || turns.at(-1)?.content === "") view.scrollTop = view.scrollHeight;
  }, [turns]);
  return (
    <div
      ref={log}
      class="turns"
      role="log"
      aria-label="Messages"
      aria-busy={turns.at(-1)?.state === "streaming"}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
    >
      {turns.length === 0 && (
        <Empty icon="chat" title="Nothing asked yet.">
          <p>Choose a model, write below, and see the answer arrive as it is made.</p>
        </Empty>
      )}
      {turns.map((turn) => (
        <TurnView key={turn.id} turn={turn} />
      ))}
    </div>
  );
}

function TurnView({ turn }: { turn: Turn }) {
  const { role, content, state, error } = turn;
  return (
    <article class={`turn ${role}`} aria-label={role === "user" ? "You" : "Model"}>
      <p class="turn-who">{role === "user" ? "You" : "Model"}</p>
      {content !== "" && <p class="turn-text">{content}</p>}
      {state === "streaming" && content === "" && (
        <p class="turn-note">
          <span class="spinner" aria-hidden="true" /> Waiting for the first words…
        </p>
      )}
      {error !== undefined && (
        <p class="turn-error" role="alert">
          {error}
        </p>
      )}
      {role === "assistant" && <TurnNote turn={turn} />}
    </article>
  );
}

function TurnNote({ turn: { state, pace } }: { turn: Turn }) {
  const words = [
    ...(state === "stopped" ? ["Stopped by you"] : []),
    ...(pace === undefined ? [] : [plural(pace.tokens, "token")]),
    ...(pace !== undefined && pace.tokensPerSecond > 0 ? [`${rate(pace.tokensPerSecond)} tokens/s`] : []),
    ...(pace === undefined ? [] : [`first after ${count(pace.firstTokenMs)} ms`]),
  ];
  return words.length === 0 ? null : <p class="turn-note">{words.join(" · ")}</p>;
}
