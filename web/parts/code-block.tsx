import { CopyButton } from "./copy-button.js";

interface CodeBlockProps {
  readonly code: string;
  readonly what: string;
}

/** Text to read or to take along. It scrolls by itself, so it can take the focus. */
export function CodeBlock({ code, what }: CodeBlockProps) {
  return (
    <div class="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <section class="code-text" aria-label={what} tabIndex={0}>
        <pre>
          <code>{code}</code>
        </pre>
      </section>
      <CopyButton text={code} what={what} />
    </div>
  );
}
