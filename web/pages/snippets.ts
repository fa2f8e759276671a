import type { Account } from "../api/account.js";
import type { Hosts } from "../api/hosts.js";

/** What the stock SDK reads from its file. */
export function sdkConfig(account: Account, { apiUrl }: Pick<Hosts, "apiUrl">): string {
  return `[api]
base_url = ${apiUrl}

[auth]
username = ${account.username}
user_id = ${account.userId}
hotkey_seed = <64 hex digits: the seed of your hotkey>
hotkey_name = default
hotkey_ss58address = ${account.hotkey ?? "<address of your hotkey>"}

[payment]
address = ${account.paymentAddress}
`;
}

export function callSnippet({ llmUrl }: Pick<Hosts, "llmUrl">): string {
  return `curl ${llmUrl}/v1/chat/completions \\
  -H "Authorization: Bearer $CHUTES_API_KEY" -H "Content-Type: application/json" \\
  -d '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}'
`;
}
