import { useState } from "preact/hooks";
import { Icon } from "../parts/icon.js";

interface ComposerProps {
  readonly isStreaming: boolean;
  readonly isReady: boolean;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

/** Enter sends, Shift+Enter starts a new line. */
export function Composer({ isStreaming, isReady, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState("");
  const canSend = isReady && !isStreaming && text.trim() !== "";
  const send = () => {
    if (!canSend) return;
    onSend(text.trim());
    setText("");
  };
  const submit = (event: Event) => {
    event.preventDefault();
    send();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form class="composer" onSubmit={submit}>
      <label class="composer-field">
        <span class="hidden">Your message. Enter sends, Shift and Enter starts a new line.</span>
        <textarea
          class="input"
          rows={2}
          placeholder="Write a message…"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKey}
        />
      </label>
      {isStreaming ? (
        <button type="button" class="button" onClick={onStop}>
          <Icon name="stop" />
          Stop
        </button>
      ) : (
        <button type="submit" class="button primary" disabled={!canSend}>
          <Icon name="send" />
          Send
        </button>
      )}
    </form>
  );
}
