import { CopyButton } from "./copy-button.js";

/** A long value on one line, with a button that copies all of it. */
export function Copyable({ text, what }: { text: string; what: string }) {
  return (
    <span class="copyable">
      <code title={text}>{text}</code>
      <CopyButton text={text} what={what} />
    </span>
  );
}
