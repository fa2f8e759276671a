import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import { AppError } from "../../kernel/errors.js";
import { parseApiKey } from "../../wire/api-key.js";
import { accountByFingerprintHeader } from "./auth-fingerprint.js";
import { openReplayGuard } from "./auth-replay.js";
import type { AuthRule, Principal } from "./auth-rule.js";
import { requireScope } from "./auth-scope.js";
import { accountBySession } from "./auth-session.js";
import { bySignature, checkSignedHeaders, signedHeadersOf } from "./auth-signature.js";
import type { ApiDeps } from "./deps.js";
import type { Directory } from "./directory/directory.js";

export type AuthDeps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "log"> & { readonly directory: Directory };

/** A body beyond this is not read just to keep the connection of a caller who is refused anyway. */
const SMALL_BODY_BYTES = 1_048_576;

/**
 * Proves the caller of every route that has a `config.auth`, before its input is looked at, and leaves the result in
 * `request.principal`. What the headers alone rule out is refused before the body is read. A signed change that succeeded is
 * not accepted a second time. @see protocol 01 §2, §3, §21.2, §21.8
 */
const enforceRules: FastifyPluginAsync<AuthDeps> = async (app, deps) => {
  const replay = openReplayGuard(deps.redis);
  app.decorateRequest("principal", null as never);
  app.decorateRequest("replayKey", undefined);
  app.addHook("preParsing", async (request) => {
    const rule = request.routeOptions.config.auth;
    if (rule !== undefined) checkHeaders(request, rule, deps.now);
  });
  app.addHook("preValidation", async (request) => {
    const rule = request.routeOptions.config.auth;
    request.principal = rule === undefined ? {} : await authenticate(deps, request, rule);
    if (rule === undefined) return;
    await requireScope(deps, request, rule);
    if (request.principal.hotkey !== undefined) await replay.claim(request);
  });
  app.addHook("onSend", async (request, reply) => {
    if (request.replayKey !== undefined && reply.statusCode >= 400) await replay.release(request);
  });
};

/** Applies to every route of the server it is registered on, also outside its own scope. */
export const authHook = fastifyPlugin(enforceRules);

/**
 * Who calls, by hotkey signature, session token, API key or fingerprint. The scopes of a key are not looked at here: see
 * `requireScope` and `grants`.
 * @throws AppError `unauthorized` whose message names what was expected
 * @see protocol 01 §2.3, §3
 */
export async function authenticate(deps: AuthDeps, request: FastifyRequest, rule: AuthRule): Promise<Principal> {
  checkHeaders(request, rule, deps.now);
  if (rule.fingerprint === "only") return byFingerprint(deps, request);
  const signed = signedHeadersOf(request);
  if (signed !== undefined) return bySignature(deps.directory, request, { rule, signed });
  const credential = credentialOf(request);
  if (credential.text === "") return {};
  if (rule.fingerprint === "also" && parseApiKey(credential.text) === undefined) return byFingerprint(deps, request);
  if (credential.kind === "session") return { account: await accountBySession(deps, credential.text), session: true };
  return byApiKey(deps.directory, credential.text);
}

/**
 * Refuses what the headers alone rule out, without the body and without asking anybody. A caller who is refused does not get
 * a large body read to keep the connection.
 * @throws AppError `unauthorized`
 * @see protocol 01 §21.8
 */
export function checkHeaders(request: FastifyRequest, rule: AuthRule, now: () => Date): void {
  try {
    checkCredential(request, rule, now);
  } catch (error) {
    if (error instanceof AppError && hasLargeBody(request))
      throw new AppError(error.kind, error.message, { headers: { connection: "close" } });
    throw error;
  }
}

function checkCredential(request: FastifyRequest, rule: AuthRule, now: () => Date): void {
  const signed = rule.fingerprint === "only" ? undefined : signedHeadersOf(request);
  if (signed !== undefined) {
    checkSignedHeaders(signed, now());
    return;
  }
  if (rule.registered === true || rule.accountless === true)
    throw unauthorized(
      "Sign this request with a hotkey: X-Chutes-Hotkey, X-Chutes-Nonce and X-Chutes-Signature are required.",
    );
  const { kind, text } = credentialOf(request);
  if (text === "" && rule.anonymous === true) return;
  if (text === "") throw unauthorized("Authentication required.");
  if (rule.fingerprint === undefined && kind === "api-key" && parseApiKey(text) === undefined) throw invalidKey();
}

interface Credential {
  readonly kind: "session" | "api-key";
  /** Empty when there is none. */
  readonly text: string;
}

/** The last word counts, whatever the scheme says; only `Bearer` may announce a session token. @see protocol 01 §3 */
function credentialOf({ headers }: FastifyRequest): Credential {
  const header = headers.authorization?.trim() ?? "";
  const text = header.split(/\s+/).at(-1) ?? "";
  const isSession = /^bearer\s/i.test(header) && !/^c[pa]k_/.test(text);
  return { kind: isSession ? "session" : "api-key", text };
}

async function byFingerprint(deps: AuthDeps, request: FastifyRequest): Promise<Principal> {
  return { account: await accountByFingerprintHeader(deps, request), fingerprint: true };
}

async function byApiKey(directory: Directory, credential: string): Promise<Principal> {
  const found = await directory.accountByApiKey(credential);
  if (found === undefined) throw invalidKey();
  return { account: found.account, apiKey: found.grant };
}

function hasLargeBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > SMALL_BODY_BYTES;
}

function invalidKey(): AppError {
  return unauthorized("Invalid API key.");
}

function unauthorized(message: string): AppError {
  return new AppError("unauthorized", message);
}
