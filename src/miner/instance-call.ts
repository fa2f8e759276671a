import type { IncomingHttpHeaders } from "node:http";
import { AppError } from "../kernel/errors.js";
import { sha256Hex } from "../wire/hashes.js";
import { HEADER } from "../wire/headers.js";
import { isFreshNonce, validatorMessage, verifyHotkeyMessage } from "../wire/hotkey-signature.js";
import { decryptBody, gunzipBounded } from "../wire/instance-cipher.js";
import { parseJson } from "../wire/json.js";

/** Oldest signature that an instance takes. @see protocol 05 §1.2 */
const NONCE_WINDOW_SECONDS = 540;
const EMPTY_BODY_PURPOSE = "chutes";

/** Who may call: one validator, addressing one miner. `anybody` leaves signatures unread and is for benches alone. */
export type CallerRule = { readonly miner: string; readonly validator: string; readonly now: () => Date } | "anybody";

/** Throws AppError `unauthorized` unless the headers name the right pair and a fresh nonce. Cheap: comes before the body. */
export function checkCallerHeaders(rule: CallerRule, headers: IncomingHttpHeaders): void {
  if (rule === "anybody") return;
  const isAddressed = headers[HEADER.miner] === rule.miner && headers[HEADER.validator] === rule.validator;
  if (!isAddressed || headers[HEADER.signature] === undefined)
    throw new AppError("unauthorized", "missing or foreign validator headers");
  if (!isFreshNonce(nonceOf(headers), rule.now(), NONCE_WINDOW_SECONDS))
    throw new AppError("unauthorized", "the nonce is stale");
}

/** Throws AppError `unauthorized` unless the validator signed these bytes. @see protocol 04 §6.2 */
export function checkSignature(rule: CallerRule, headers: IncomingHttpHeaders, body: Uint8Array): void {
  if (rule === "anybody") return;
  const { miner, validator } = rule;
  const third = body.length === 0 ? EMPTY_BODY_PURPOSE : sha256Hex(body);
  const message = validatorMessage({ miner, validator, nonce: nonceOf(headers), third });
  const signatureHex = String(headers[HEADER.signature]);
  if (!verifyHotkeyMessage({ hotkey: validator, message, signatureHex }))
    throw new AppError("unauthorized", "the signature does not hold");
}

/**
 * The value a caller sent; an empty body is an empty object. Throws AppError `invalid` when it does not decrypt or is no JSON,
 * `too_large` beyond `maxBytes`. @see protocol 04 §6.3
 */
export function decodePayload(key: Uint8Array, body: Buffer, maxBytes: number): unknown {
  if (body.length === 0) return {};
  return parseJson(gunzipBounded(decryptBody(key, body.toString("latin1")), maxBytes));
}

/** Body and query of a passthrough call, or the whole value as arguments. @see protocol 04 §4.5 */
export function unwrapPayload(
  payload: unknown,
  isPassthrough: boolean,
): { body: unknown; params: Record<string, unknown> } {
  if (!isPassthrough) return { body: payload, params: {} };
  if (typeof payload !== "object" || payload === null || !("json" in payload)) {
    throw new AppError("invalid", "a passthrough call carries json and params");
  }
  const params: unknown = "params" in payload ? payload.params : {};
  return { body: payload.json, params: typeof params === "object" && params !== null ? { ...params } : {} };
}

function nonceOf(headers: IncomingHttpHeaders): string {
  const nonce = headers[HEADER.nonce];
  return typeof nonce === "string" ? nonce : "";
}
