import { useEffect, useState } from "preact/hooks";
import { useToast } from "../app/toasts.js";
import { Icon } from "./icon.js";

interface CopyProps {
  readonly text: string;
  /** What is copied, for the label and the message: "payment address". */
  readonly what: string;
  readonly withLabel?: boolean;
}

const SHOWN_MS = 1600;

export function CopyButton({ text, what, withLabel = false }: CopyProps) {
  const [isCopied, setCopied] = useState(false);
  const say = useToast();
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      say(`Copied the ${what}.`);
    } catch {
      say(`The browser does not let this page copy. Select the ${what} and copy it yourself.`);
    }
  };
  return (
    <button
      type="button"
      class={withLabel ? "button" : "button quiet icon-only"}
      aria-label={withLabel ? undefined : `Copy the ${what}`}
      title={`Copy the ${what}`}
      onClick={() => void copy()}
    >
      <Icon name={isCopied ? "check" : "copy"} />
      {withLabel && <span>Copy</span>}
    </button>
  );
}
