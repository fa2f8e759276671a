import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { wordsOf } from "../api/client.js";
import { Dialog } from "./dialog.js";
import { Failure } from "./states.js";

interface ConfirmProps {
  readonly title: string;
  /** What the dangerous button says. */
  readonly action: string;
  readonly children: ComponentChildren;
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before something that cannot be undone; stays open with the reason when it was refused. */
export function ConfirmDialog({ title, action, children, onConfirm, onClose }: ConfirmProps) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
    } catch (cause) {
      setError(wordsOf(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">{children}</div>
      {error !== undefined && <Failure message={error} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button danger" disabled={isBusy} onClick={() => void confirm()}>
          {isBusy ? "Working…" : action}
        </button>
      </div>
    </Dialog>
  );
}
