import { compactJson, pythonQuery, type SdkRequest, spacedJson } from "./aiohttp.js";
import { type Json, members, page, success } from "./reading.js";
import { byBody, byPurpose, keyOf, type SdkUser, signed } from "./sdk.js";
import type { Answer } from "./socket.js";

/** One request of a command, and what the client reads from the answer (or throws where it would break). */
export interface Exchange<Reading> {
  readonly request: (me: SdkUser) => SdkRequest;
  readonly read: (answer: Answer) => Reading;
}

/** `chutes register`, first request. */
export const ping: Exchange<Json> = {
  request: () => ({ method: "GET", target: "/ping", headers: [] }),
  read: (answer) => success(answer),
};

/** `chutes register`: no user id to send yet; the body has blanks; the token is always this word. @see protocol 01 §6.3 */
export function register(coldkey: string) {
  return {
    request: (me: SdkUser): SdkRequest => {
      const body = spacedJson({ username: me.username, coldkey });
      const [, hotkey, nonce, type, signature] = signed(me, { json: body });
      const headers = [type, hotkey, nonce, signature].flatMap((header) => (header === undefined ? [] : [header]));
      return { method: "POST", target: "/users/register?token=replaceme", headers, body };
    },
    read: (answer: Answer) =>
      members(success(answer), {
        user_id: "string",
        username: "string",
        payment_address: "string",
        fingerprint: "string",
      }),
  };
}

/** `chutes login`, first request. */
export const loginNonce: Exchange<string> = {
  request: () => ({ method: "GET", target: "/idp/cli_login/nonce", headers: [] }),
  read: (answer) => String(members(success(answer), { nonce: "string" })["nonce"]),
};

/** `chutes login`, the page that a browser opens. */
export function loginPage(nonce: string): Exchange<Answer> {
  return {
    request: (me) => {
      const signature = Buffer.from(keyOf(me).sign(nonce)).toString("hex");
      const target = `/idp/cli_login?hotkey=${me.address}&signature=${signature}&nonce=${nonce}`;
      return { method: "GET", target, headers: [["Accept-Language", "en"]] };
    },
    read: (answer) => answer,
  };
}

/** `chutes refinger`: signs the new fingerprint itself; the body has blanks. @see protocol 01 §2.9, §5.3 */
export function refinger(fingerprint: string): Exchange<Json> {
  return {
    request: (me) => {
      const nonce = String(Math.floor(Date.now() / 1000));
      const signature = Buffer.from(keyOf(me).sign(`${me.address}:${fingerprint}:${nonce}`)).toString("hex");
      const body = spacedJson({ fingerprint });
      return {
        method: "POST",
        target: "/users/change_fingerprint",
        headers: [
          ["X-Chutes-Hotkey", me.address],
          ["X-Chutes-Nonce", nonce],
          ["X-Chutes-Signature", signature],
          ["Content-Length", String(body.length)],
          ["Content-Type", "application/json"],
        ],
        body,
      };
    },
    read: (answer) => members(success(answer), { status: "string" }),
  };
}

/** `chutes transfer-balance USER [--amount N]`: without an amount everything goes. @see protocol 01 §6.6 */
export function transferBalance(to: string, amount?: number): Exchange<Json> {
  const body = compactJson({ user_id: to, ...(amount !== undefined && { amount }) });
  return {
    request: (me) => byBody(me, "/users/balance_transfer", { body }),
    read: (answer) => members(success(answer), { transferred: "number", from_balance: "number" }),
  };
}

/** `chutes keys create --name N --admin`: no scopes member at all. */
export function keysCreateAdmin(name: string): Exchange<Json> {
  return keysCreate({ name, admin: true });
}

/** `chutes keys create --name N [--images] [--chutes] [--chute-ids X] [--action A]`, as its scopes come out. */
export function keysCreateScoped(name: string, scopes: readonly object[]): Exchange<Json> {
  return keysCreate({ name, admin: false, scopes });
}

function keysCreate(value: object): Exchange<Json> {
  const body = compactJson(value);
  return {
    request: (me) => byBody(me, "/api_keys/", { body }),
    read: (answer) => members(success(answer), { api_key_id: "string", secret_key: "string", created_at: "string" }),
  };
}

/** `chutes keys list [--name N]`. */
export function keysList(name?: string): Exchange<ReturnType<typeof page>> {
  const query = pythonQuery({ ...(name !== undefined && { name }), limit: 25, page: 0 });
  return {
    request: (me) => byPurpose(me, "api_keys", { method: "GET", target: `/api_keys/${query}` }),
    read: (answer) => page(answer, ["api_key_id", "name"]),
  };
}

/** `chutes secrets create --purpose P --key K --value V`. */
export function secretsCreate(secret: { purpose: string; key: string; value: string }): Exchange<Json> {
  const body = compactJson(secret);
  return {
    request: (me) => byBody(me, "/secrets/", { body }),
    read: (answer) => members(success(answer), { secret_id: "string", purpose: "string" }),
  };
}

/** `chutes secrets list`. */
export const secretsList: Exchange<ReturnType<typeof page>> = {
  request: (me) =>
    byPurpose(me, "secrets", { method: "GET", target: `/secrets/${pythonQuery({ limit: 25, page: 0 })}` }),
  read: (answer) => page(answer, ["secret_id", "purpose", "key", "created_at"]),
};

const KINDS = {
  chutes: "chute_id",
  images: "image_id",
  api_keys: "api_key_id",
  secrets: "secret_id",
} as const;

export type Kind = keyof typeof KINDS;

/** `chutes {chutes|images|keys|secrets} get X`. @see protocol 01 §16.2 */
export function get(kind: Kind, nameOrId: string): Exchange<Json> {
  return {
    request: (me) => byPurpose(me, kind, { method: "GET", target: `/${kind}/${nameOrId}` }),
    read: (answer) => members(success(answer), { [KINDS[kind]]: "string" }),
  };
}

/** `chutes {chutes|images|keys|secrets} delete X`: an empty body, signed over the word. */
export function remove(kind: Kind, nameOrId: string): Exchange<Json> {
  return {
    request: (me) => byPurpose(me, kind, { method: "DELETE", target: `/${kind}/${nameOrId}` }),
    read: (answer) => members(success(answer), { [KINDS[kind]]: "string" }),
  };
}

/** The February-2025 client's link commands: the linked hotkey signs, the account's hotkey calls. @see protocol 01 §7 */
export function link(as: "validator" | "subnet_owner", linked: SdkUser): Exchange<Json> {
  return {
    request: (me) => {
      const signature = Buffer.from(keyOf(linked).sign(`${linked.address}:${me.username}`)).toString("hex");
      const target = `/users/link_${as}?hotkey=${linked.address}&signature=${signature}`;
      return byPurpose(me, "link_account", { method: "GET", target });
    },
    read: (answer) => members(success(answer), { permissions_bitmask: "number", user_id: "string" }),
  };
}
