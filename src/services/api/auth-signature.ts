import type { FastifyRequest } from "fastify";
import { AppError } from "../../kernel/errors.js";
import { sha256Hex } from "../../wire/hashes.js";
import { HEADER } from "../../wire/headers.js";
import { hotkeyMessage, isFreshNonce } from "../../wire/hotkey-signature.js";
import { decodeSs58 } from "../../wire/ss58.js";
import type { AuthRule, Principal } from "./auth-rule.js";
import type { Directory } from "./directory/directory.js";

/** Methods whose body hash is signed. @see protocol 01 §2.2 */
const BODY_METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

export interface SignedHeaders {
  readonly hotkey: string;
  readonly nonce: string;
  readonly signatureHex: string;
}

/** The three headers, or nothing: a lone one proves nothing and must not be believed. @see protocol 01 §2.3 */
export function signedHeadersOf({ headers }: Pick<FastifyRequest, "headers">): SignedHeaders | undefined {
  const hotkey = textOf(headers[HEADER.hotkey]);
  const nonce = textOf(headers[HEADER.nonce]);
  const signatureHex = textOf(headers[HEADER.signature]);
  if (hotkey === undefined || nonce === undefined || signatureHex === undefined) return undefined;
  return { hotkey, nonce, signatureHex };
}

/** One non-empty header value. */
export function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * What can be said of a signature before the body is there: nonce and address.
 * @throws AppError `unauthorized`; a bad clock is reported before anything else
 * @see protocol 01 §2.4, §2.5, §21.8
 */
export function checkSignedHeaders({ hotkey, nonce }: SignedHeaders, now: Date): void {
  if (!isFreshNonce(nonce, now))
    throw unauthorized(
      `X-Chutes-Nonce must be Unix seconds less than 600 s from the server's clock, which shows ${Math.floor(now.getTime() / 1000)}.`,
    );
  if (decodeSs58(hotkey) === undefined) throw unauthorized("X-Chutes-Hotkey is not an ss58 address with prefix 42.");
}

/** Who signed a request whose headers passed `checkSignedHeaders`. @throws AppError `unauthorized` @see protocol 01 §2.3 */
export async function bySignature(
  directory: Directory,
  request: FastifyRequest,
  { rule, signed }: { readonly rule: AuthRule; readonly signed: SignedHeaders },
): Promise<Principal> {
  const { hotkey, nonce, signatureHex } = signed;
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

function unauthorized(message: string): AppError {
  return new AppError("unauthorized", message);
}
