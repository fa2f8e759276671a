import { signedHeaders } from "../../../src/wire/headers.js";
import { type Keypair, keypairFromSeed } from "../../../src/wire/keypair.js";
import type { SdkRequest } from "./aiohttp.js";

export const SDK_VERSION = "0.6.9";

/** What `config.ini` holds. @see protocol 01 §16.1 */
export interface SdkUser {
  readonly username: string;
  /** Empty until registered. */
  readonly userId: string;
  readonly hotkeySeed: string;
  readonly address: string;
}

export function sdkUser(username: string, hotkeySeed: string, userId = ""): SdkUser {
  return { username, userId, hotkeySeed, address: keyOf({ hotkeySeed }).address };
}

export function keyOf({ hotkeySeed }: Pick<SdkUser, "hotkeySeed">): Keypair {
  return keypairFromSeed(hotkeySeed);
}

type Headers = SdkRequest["headers"];

/** Signed headers in the SDK's order. With a JSON body the content type is among them. */
export function signed(me: SdkUser, what: { purpose: string } | { json: Buffer } | { raw: Buffer }): Headers {
  const covered = "purpose" in what ? what : { body: "json" in what ? what.json : what.raw };
  const { "X-Chutes-Nonce": nonce = "", "X-Chutes-Signature": signature = "" } = signedHeaders(
    keyOf(me),
    covered,
    new Date(),
  );
  return [
    ["X-Chutes-UserID", me.userId],
    ["X-Chutes-Hotkey", me.address],
    ["X-Chutes-Nonce", nonce],
    ...("json" in what ? [["Content-Type", "application/json"] as const] : []),
    ["X-Chutes-Signature", signature],
  ];
}

/** A GET or DELETE, signed over the endpoint's word. */
export function byPurpose(
  me: SdkUser,
  purpose: string,
  { method, target }: Pick<SdkRequest, "method" | "target">,
): SdkRequest {
  return { method, target, headers: signed(me, { purpose }) };
}

/** A POST of JSON, signed over its bytes. */
export function byBody(
  me: SdkUser,
  target: string,
  { body, more = [] }: { readonly body: Buffer; readonly more?: Headers },
): SdkRequest {
  return { method: "POST", target, headers: [...signed(me, { json: body }), ...more], body };
}
