import { apiUrl } from "../kernel/config/api-url.js";
import type { Config } from "../kernel/config/schema.js";
import { keypairFromSeed } from "../wire/keypair.js";

export interface SdkUser {
  readonly username: string;
  readonly userId: string;
  readonly hotkeySeed: string;
  readonly paymentAddress: string;
}

/** Text of the stock SDK's config.ini for one account. @see protocol 01 §16.1 */
export function sdkConfig(config: Config, user: SdkUser): string {
  return `[api]
base_url = ${apiUrl(config)}

[auth]
username = ${user.username}
user_id = ${user.userId}
hotkey_seed = ${user.hotkeySeed}
hotkey_name = default
hotkey_ss58address = ${keypairFromSeed(user.hotkeySeed).address}

[payment]
address = ${user.paymentAddress}
`;
}
