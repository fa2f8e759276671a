import { useState } from "preact/hooks";
import { wordsOf } from "../api/client.js";
import { type ApiKey, createKey, type Scope } from "../api/keys.js";
import { useSession } from "../app/session.js";
import { Choice } from "../parts/choice.js";
import { Dialog } from "../parts/dialog.js";
import { Field } from "../parts/field.js";
import { Failure } from "../parts/states.js";
import { ScopeEditor } from "./scope-editor.js";

interface NewKeyProps {
  readonly onClose: () => void;
  readonly onCreated: (created: { key: ApiKey; secret: string }) => void;
}

const KINDS = [
  { value: "scoped", label: "Only what I choose" },
  { value: "admin", label: "Full access" },
] as const;

const CALL_ANY_CHUTE: Scope = { objectType: "chutes", objectId: undefined, action: "invoke" };

export function NewKeyDialog({ onClose, onCreated }: NewKeyProps) {
  const { api } = useSession();
  const [name, setName] = useState("");
  const [kind, setKind] = useState<"scoped" | "admin">("scoped");
  const [scopes, setScopes] = useState<readonly Scope[]>([CALL_ANY_CHUTE]);
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      onCreated(await createKey(api, { name, admin: kind === "admin", scopes }));
    } catch (cause) {
      setError(wordsOf(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog title="New API key" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <div class="dialog-body stack">
          <Field label="Name" hint="Up to 24 characters, unique among your keys.">
            {(attributes) => (
              <input
                {...attributes}
                class="input"
                required
                maxLength={24}
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
          <Choice label="What the key may do" options={KINDS} value={kind} onChange={setKind} />
          {kind === "scoped" ? (
            <ScopeEditor scopes={scopes} onChange={setScopes} />
          ) : (
            <p class="note">Whoever has this key acts as you, and can make and delete keys.</p>
          )}
          {error !== undefined && <Failure message={error} />}
        </div>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={isBusy}>
            {isBusy ? "Creating…" : "Create the key"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
