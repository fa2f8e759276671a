import type { ApiKey, Scope } from "../api/keys.js";
import { moment } from "../parts/formats.js";
import { Icon } from "../parts/icon.js";

interface KeyTableProps {
  readonly keys: readonly ApiKey[];
  readonly onDelete: (key: ApiKey) => void;
}

export function KeyTable({ keys, onDelete }: KeyTableProps) {
  return (
    <table class="table card">
      <caption class="hidden">API keys, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">May do</th>
          <th scope="col">Created</th>
          <th scope="col">Last used</th>
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <th scope="row" data-label="Name">
              {key.name}
            </th>
            <td data-label="May do">
              <Rights apiKey={key} />
            </td>
            <td data-label="Created">{moment(key.createdAt)}</td>
            <td data-label="Last used">{key.lastUsedAt === undefined ? "Never" : moment(key.lastUsedAt)}</td>
            <td class="row-actions">
              <button
                type="button"
                class="button quiet icon-only"
                aria-label={`Delete the key ${key.name}`}
                title="Delete"
                onClick={() => onDelete(key)}
              >
                <Icon name="trash" />
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Rights({ apiKey: { admin, scopes } }: { apiKey: ApiKey }) {
  if (admin) return <span class="badge strong">Full access</span>;
  if (scopes.length === 0) return <span class="badge">Nothing</span>;
  return (
    <ul class="chips">
      {scopes.map((scope) => (
        <li key={wordsOf(scope)} class="badge">
          {wordsOf(scope)}
        </li>
      ))}
    </ul>
  );
}

/** `invoke chutes`, `read images (only 1f0c…)`. */
function wordsOf({ action, objectType, objectId }: Scope): string {
  const what = `${action ?? "everything with"} ${objectType}`;
  return objectId === undefined ? what : `${what} (only ${objectId})`;
}
