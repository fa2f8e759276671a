import { useState } from "preact/hooks";
import { type ChuteDetail, setShare } from "../api/chutes.js";
import { wordsOf } from "../api/client.js";
import { useSession } from "../app/session.js";
import { useToast } from "../app/toasts.js";
import { Dialog } from "../parts/dialog.js";
import { Field } from "../parts/field.js";
import { Failure } from "../parts/states.js";

interface ShareProps {
  readonly chute: ChuteDetail;
  readonly onClose: () => void;
}

/** Lets another account call a private chute, or takes that back. */
export function ShareDialog({ chute, onClose }: ShareProps) {
  const { api } = useSession();
  const say = useToast();
  const [user, setUser] = useState("");
  const [error, setError] = useState<string>();
  const change = async (isShared: boolean) => {
    setError(undefined);
    try {
      say(await setShare(api, chute.id, { user: user.trim(), isShared }));
      onClose();
    } catch (cause) {
      setError(wordsOf(cause));
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void change(true);
  };
  return (
    <Dialog title={`Share ${chute.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <div class="dialog-body stack">
          <p>Whoever you share it with can see it, read its source and call it.</p>
          <Field label="Username or user id">
            {(attributes) => (
              <input
                {...attributes}
                class="input"
                required
                value={user}
                onInput={(event) => setUser(event.currentTarget.value)}
              />
            )}
          </Field>
          {error !== undefined && <Failure message={error} />}
        </div>
        <div class="dialog-actions">
          <button type="button" class="button" disabled={user.trim() === ""} onClick={() => void change(false)}>
            Stop sharing
          </button>
          <button type="submit" class="button primary">
            Share
          </button>
        </div>
      </form>
    </Dialog>
  );
}
