import { apiUrl } from "../../kernel/config/api-url.js";
import { signedHeaders } from "../../wire/headers.js";
import { expectThat, type TourState } from "./tour-state.js";

/** Registers a developer as `chutes register` does: signed body, the literal token. @see protocol 01 §6.3, §16 */
export async function registerUser(state: TourState): Promise<void> {
  const ping = await state.http.requestJson(`${apiUrl(state.config)}/ping`);
  expectThat(ping.status === 200, `GET /ping answered ${ping.status}`);
  const body = JSON.stringify({ username: state.username, coldkey: state.hotkey.address });
  const answer = await post(state, "/users/register?token=replaceme", body);
  expectThat(answer.status === 200, `registration answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  const { user_id, fingerprint } = answer.body as { user_id?: string; fingerprint?: string };
  expectThat(
    user_id !== undefined && fingerprint?.length === 32,
    "registration returned no user_id or no 32-character fingerprint",
  );
  state.facts["user_id"] = user_id;
}

/** @see protocol 01 §4.4 */
export async function createApiKey(state: TourState): Promise<void> {
  const answer = await post(state, "/api_keys/", JSON.stringify({ name: "tour", admin: true }));
  expectThat(answer.status === 200, `creating an API key answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  const { secret_key } = answer.body as { secret_key?: string };
  expectThat(
    /^cpk_[a-f0-9]{32}\.[a-f0-9]{32}\.[a-zA-Z0-9]{32}$/.test(secret_key ?? ""),
    "the key does not have the documented form",
  );
  state.apiKey = secret_key ?? "";
  const me = await state.http.requestJson(`${apiUrl(state.config)}/users/me`, {
    headers: { authorization: `Bearer ${state.apiKey}` },
  });
  expectThat(
    me.status === 200 && (me.body as { username?: string }).username === state.username,
    `GET /users/me with the key answered ${me.status}`,
  );
}

/** Signs the exact bytes it sends. */
export function post(state: TourState, path: string, body: string) {
  return state.http
    .request(`${apiUrl(state.config)}${path}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...signedHeaders(state.hotkey, { body }, new Date()) },
      signal: state.signal,
    })
    .then((answer) => ({ ...answer, body: JSON.parse(answer.body.toString()) as unknown }));
}
