import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import { AppError } from "../../kernel/errors.js";
import { sha256Hex } from "../../wire/hashes.js";
import { HEADER } from "../../wire/headers.js";
import { hotkeyMessage, isFreshNonce } from "../../wire/hotkey-signature.js";
import { decodeSs58 } from "../../wire/ss58.js";
import { openReplayGuard } from "./auth-replay.js";
import type { AuthRule, Principal } from "./auth-rule.js";
import { requireScope } from "./auth-scope.js";
import type { ApiDeps } from "./deps.js";
import type { Directory } from "./directory/directory.js";

export type AuthDeps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "log"> & { readonly directory: Directory };

/** Methods whose body hash is signed. @see protocol 01 §2.2 */
const BODY_METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * Proves the caller of every route that has a `config.auth`, before its input is looked at, and leaves the result in
 * `request.principal`. A signed change that succeeded is not accepted a second time. @see protocol 01 §2, §3, §21.2
 */
const enforceRules: FastifyPluginAsync<AuthDeps> = async (app, deps) => {
  const replay = openReplayGuard(deps.redis);
  app.decorateRequest("principal", null as never);
  app.decorateRequest("replayKey", undefined);
  app.addHook("preValidation", async (request) => {
    const rule = request.routeOptions.config.auth;
    request.principal = rule === undefined ? {} : await authenticate(deps, request, rule);
    if (rule === undefined) return;
    await requireScope(deps, request, rule);
    if (request.principal.hotkey !== undefined) await replay.claim(request);
  });
  app.addHook("onSend", async (request, reply) => {
    if (reply.statusCode >= 400) await replay.release(request);
  });
};

/** Applies to every route of the server it is registered on, also outside its own scope. */
export const authHook = fastifyPlugin(enforceRules);

/**
 * Who calls, by hotkey signature or API key. The scopes of a key are not looked at here: see `requireScope` and `grants`.
 * @throws AppError `unauthorized` whose message names what was expected
 * @see protocol 01 §2.3, §3
 */
export async function authenticate(deps: AuthDeps, request: FastifyRequest, rule: AuthRule): Promise<Principal> {
  const signed = signedHeadersOf(request);
  if (signed !== undefined) return bySignature(deps, { request, rule, signed });
  if (rule.registered === true || rule.accountless === true)
    throw unauthorized(
      "Sign this request with a hotkey: X-Chutes-Hotkey, X-Chutes-Nonce and X-Chutes-Signature are required.",
    );
  const credential = request.headers.authorization?.trim().split(/\s+/).at(-1) ?? "";
  if (credential !== "") return byApiKey(deps.directory, credential);
  if (rule.anonymous === true) return {};
  throw unauthorized("Authentication required.");
}

interface SignedHeaders {
  readonly hotkey: string;
  readonly nonce: string;
  readonly signatureHex: string;
}

/** All three or nothing: a lone header proves nothing and must not be believed. */
function signedHeadersOf(request: FastifyRequest): SignedHeaders | undefined {
  const text = (name: string) => {
    const value = request.headers[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [hotkey, nonce, signatureHex] = [text(HEADER.hotkey), text(HEADER.nonce), text(HEADER.signature)];
  if (hotkey === undefined || nonce === undefined || signatureHex === undefined) return undefined;
  return { hotkey, nonce, signatureHex };
}

interface SignedRequest {
  readonly request: FastifyRequest;
  readonly rule: AuthRule;
  readonly signed: SignedHeaders;
}

async function bySignature({ directory, now }: AuthDeps, { request, rule, signed }: SignedRequest): Promise<Principal> {
  const { hotkey, nonce, signatureHex } = signed;
  const at = now();
  if (!isFreshNonce(nonce, at))
    throw unauthorized(
      `X-Chutes-Nonce must be Unix seconds less than 600 s from the server's clock, which shows ${Math.floor(at.getTime() / 1000)}.`,
    );
  if (decodeSs58(hotkey) === undefined) throw unauthorized("X-Chutes-Hotkey is not an ss58 address with prefix 42.");
  const message = hotkeyMessage({ hotkey, nonce, third: thirdField(request, rule) });
  if (!directory.signatures.holds({ hotkey, message, signatureHex }))
    throw unauthorized(`X-Chutes-Signature is not a signature of ${message} by ${hotkey}.`);
  if (rule.registered === true) return { hotkey, miner: await registeredMiner(directory, hotkey) };
  if (rule.accountless === true) return { hotkey };
  const account = await directory.accountByHotkey(hotkey);
  if (account !== undefined) return { hotkey, account };
  if (rule.anonymous === true) return { hotkey };
  throw unauthorized(`Hotkey ${hotkey} has no account.`);
}

function thirdField(request: FastifyRequest, rule: AuthRule): string {
  if (rule.purpose !== undefined) return rule.purpose;
  if (BODY_METHODS.has(request.method)) return sha256Hex(request.rawBody);
  throw unauthorized("This endpoint cannot be called with a hotkey signature; use an API key.");
}

async function registeredMiner(directory: Directory, hotkey: string) {
  const miner = await directory.minerByHotkey(hotkey);
  if (miner === undefined) throw unauthorized(`Hotkey ${hotkey} is not registered on the subnet.`);
  return miner;
}

async function byApiKey(directory: Directory, credential: string): Promise<Principal> {
  const found = await directory.accountByApiKey(credential);
  if (found === undefined) throw unauthorized("Invalid API key.");
  return { account: found.account, apiKey: found.grant };
}

function unauthorized(message: string): AppError {
  return new AppError("unauthorized", message);
}
