import { AppError } from "../../kernel/errors.js";
import type { HttpClient } from "../http-client/client.js";

/** What proves us to a registry; empty texts mean none. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** A bearer token that is sent as it is. */
  readonly token: string;
}

interface Asking {
  readonly http: HttpClient;
  readonly url: string;
  readonly credentials: Credentials;
  readonly signal?: AbortSignal;
}

const MAX_TOKEN_BYTES = 1024 * 1024;

/**
 * The `Authorization` that a registry's 401 asks for: Basic, or a token of the service that it names.
 * @returns undefined when there is nothing to answer with
 * @throws AppError `unauthorized` when the token service refuses, `invalid` when it must not be told our password
 */
export async function tokenFor(asking: Asking, challenge: string | string[] | undefined): Promise<string | undefined> {
  const { credentials } = asking;
  if (credentials.token !== "") return `Bearer ${credentials.token}`;
  const [, scheme = "", rest = ""] = /^\s*(\w+)\s*(.*)$/s.exec([challenge].flat()[0] ?? "") ?? [];
  if (scheme.toLowerCase() === "basic") return basic(credentials);
  return scheme.toLowerCase() === "bearer" ? bearer(asking, parametersOf(rest)) : undefined;
}

async function bearer(asking: Asking, parameters: ReadonlyMap<string, string>): Promise<string | undefined> {
  const realm = parameters.get("realm") ?? "";
  if (!URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  for (const name of ["service", "scope"]) {
    const value = parameters.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const authorization = basic(asking.credentials);
  if (authorization !== undefined) requireSafe(url, asking.url);
  const { status, body } = await asking.http.requestJson(url.href, {
    headers: authorization === undefined ? {} : { authorization },
    maxBytes: MAX_TOKEN_BYTES,
    ...(asking.signal && { signal: asking.signal }),
  });
  const { token, access_token } = (body ?? {}) as { token?: unknown; access_token?: unknown };
  const given = token ?? access_token;
  if (status === 200 && typeof given === "string") return `Bearer ${given}`;
  throw new AppError("unauthorized", `the token service ${url.origin} answered ${status} and gave no token`, {
    fix: "set REGISTRY_USERNAME and REGISTRY_PASSWORD",
  });
}

/** A registry must not make us send its password to somebody else in clear. */
function requireSafe(realm: URL, registryUrl: string): void {
  const registry = new URL(registryUrl);
  if (realm.protocol === "https:" || (registry.protocol === "http:" && realm.hostname === registry.hostname)) return;
  throw new AppError("invalid", `the registry sends for a token to ${realm.origin}, which is not https`);
}

function basic({ username, password }: Credentials): string | undefined {
  return password === "" ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** `realm="…",service="…"`; values may hold commas and escaped quotes. */
function parametersOf(text: string): ReadonlyMap<string, string> {
  const found = text.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g);
  return new Map([...found].map(([, name = "", quoted, plain = ""]) => [name.toLowerCase(), quoted ?? plain]));
}
