import { useMemo, useState } from "preact/hooks";
import type { Chute } from "../api/chutes.js";
import { useSession } from "../app/session.js";
import type { ChatSettings } from "../app/use-conversation.js";
import { Field } from "../parts/field.js";

interface ControlsProps {
  readonly chutes: readonly Chute[];
  readonly settings: ChatSettings;
  readonly onChange: (settings: ChatSettings) => void;
}

/** Where there is little room, what is rarely changed is folded away. */
const hasRoom = () => matchMedia("(min-width: 62rem)").matches;

export function ChatControls({ chutes, settings, onChange }: ControlsProps) {
  return (
    <div class="stack">
      <ModelField chutes={chutes} model={settings.model} onChange={(model) => onChange({ ...settings, model })} />
      <details open={useMemo(hasRoom, [])}>
        <summary>More settings</summary>
        <div class="stack">
          <SystemField settings={settings} onChange={onChange} />
          <LimitFields settings={settings} onChange={onChange} />
        </div>
      </details>
    </div>
  );
}

type SettingsProps = Omit<ControlsProps, "chutes">;

function SystemField({ settings, onChange }: SettingsProps) {
  return (
    <Field label="System prompt" hint="Optional. Tells the model how to answer.">
      {(attributes) => (
        <textarea
          {...attributes}
          class="input"
          rows={3}
          value={settings.system}
          onInput={(event) => onChange({ ...settings, system: event.currentTarget.value })}
        />
      )}
    </Field>
  );
}

function LimitFields({ settings, onChange }: SettingsProps) {
  return (
    <div class="pair">
      <Field label="Max tokens">
        {(attributes) => (
          <input
            {...attributes}
            class="input"
            type="number"
            min={1}
            max={32_768}
            value={settings.maxTokens}
            onInput={(event) => onChange({ ...settings, maxTokens: event.currentTarget.valueAsNumber || 1 })}
          />
        )}
      </Field>
      <Field label="Temperature">
        {(attributes) => (
          <input
            {...attributes}
            class="input"
            type="number"
            min={0}
            max={2}
            step={0.1}
            value={settings.temperature}
            onInput={(event) => onChange({ ...settings, temperature: event.currentTarget.valueAsNumber || 0 })}
          />
        )}
      </Field>
    </div>
  );
}

interface ModelFieldProps {
  readonly chutes: readonly Chute[];
  readonly model: string;
  readonly onChange: (model: string) => void;
}

const OTHER = "other";

/** A chute from the list, or the name of any other model. */
function ModelField({ chutes, model, onChange }: ModelFieldProps) {
  const isListed = chutes.some(({ id }) => id === model);
  const [isOther, setOther] = useState(!isListed);
  const choose = (value: string) => {
    setOther(value === OTHER);
    onChange(value === OTHER ? "" : value);
  };
  return (
    <>
      <Field label="Model">
        {(attributes) => (
          <select
            {...attributes}
            class="input"
            value={isOther ? OTHER : model}
            onChange={(event) => choose(event.currentTarget.value)}
          >
            <ModelGroups chutes={chutes} />
            <option value={OTHER}>Another model…</option>
          </select>
        )}
      </Field>
      {isOther && (
        <Field label="Name or id of the model">
          {(attributes) => (
            <input
              {...attributes}
              class="input mono"
              value={model}
              onInput={(event) => onChange(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
    </>
  );
}

function ModelGroups({ chutes }: Pick<ModelFieldProps, "chutes">) {
  const { account } = useSession();
  const isOwn = (chute: Chute) => chute.owner.userId === account.userId;
  const groups = [
    { label: "Yours", members: chutes.filter(isOwn) },
    { label: "Others", members: chutes.filter((chute) => !isOwn(chute)) },
  ];
  return (
    <>
      {groups
        .filter(({ members }) => members.length > 0)
        .map(({ label, members }) => (
          <optgroup key={label} label={label}>
            {members.map(({ id, name, isHot }) => (
              <option key={id} value={id}>
                {name} ({isHot ? "hot" : "cold"})
              </option>
            ))}
          </optgroup>
        ))}
    </>
  );
}
