import { SCOPE_ACTIONS, SCOPE_TYPES, type Scope } from "../api/keys.js";
import { Icon } from "../parts/icon.js";

interface ScopeEditorProps {
  readonly scopes: readonly Scope[];
  readonly onChange: (scopes: readonly Scope[]) => void;
}

const FIRST: Scope = { objectType: "chutes", objectId: undefined, action: "read" };
const MOST_SCOPES = 20;

/** What a key may do, one line each. A key keeps at least one line: with none it could do nothing. */
export function ScopeEditor({ scopes, onChange }: ScopeEditorProps) {
  const replace = (index: number, scope: Scope) => onChange(scopes.with(index, scope));
  return (
    <fieldset class="scopes">
      <legend>The key may</legend>
      {scopes.map((scope, index) => (
        <div class="scope" key={index}>
          <ScopeLine scope={scope} number={index + 1} onChange={(changed) => replace(index, changed)} />
          <button
            type="button"
            class="button quiet icon-only"
            aria-label={`Remove line ${index + 1}`}
            disabled={scopes.length === 1}
            onClick={() => onChange(scopes.toSpliced(index, 1))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      <button
        type="button"
        class="button"
        disabled={scopes.length >= MOST_SCOPES}
        onClick={() => onChange([...scopes, FIRST])}
      >
        <Icon name="plus" />
        Add a line
      </button>
    </fieldset>
  );
}

interface ScopeLineProps {
  readonly scope: Scope;
  readonly number: number;
  readonly onChange: (scope: Scope) => void;
}

function ScopeLine({ scope, number, onChange }: ScopeLineProps) {
  return (
    <>
      <select
        class="input"
        aria-label={`Action of line ${number}`}
        value={scope.action ?? ""}
        onChange={({ currentTarget: { value } }) => onChange({ ...scope, action: value === "" ? undefined : value })}
      >
        <option value="">do everything with</option>
        {SCOPE_ACTIONS.map((action) => (
          <option key={action} value={action}>
            {action}
          </option>
        ))}
      </select>
      <select
        class="input"
        aria-label={`Objects of line ${number}`}
        value={scope.objectType}
        onChange={({ currentTarget: { value } }) => onChange({ ...scope, objectType: value })}
      >
        {SCOPE_TYPES.map((type) => (
          <option key={type} value={type}>
            {type}
          </option>
        ))}
      </select>
      <input
        class="input mono"
        aria-label={`Id of the one object of line ${number}; empty for all`}
        placeholder="all (or one id)"
        value={scope.objectId ?? ""}
        onInput={({ currentTarget: { value } }) => onChange({ ...scope, objectId: value.trim() || undefined })}
      />
    </>
  );
}
