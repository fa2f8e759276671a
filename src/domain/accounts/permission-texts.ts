import { holds } from "./account.js";

/** Role names in alphabetical order with the sentence that `GET /users/me` shows. @see protocol 01 §6.4, §7 */
const ROLES = [
  { bit: 1 << 10, name: "affine_admin", text: "Administer the partner subnet." },
  { bit: 1 << 6, name: "billing_admin", text: "Administer balances, quotas and discounts." },
  { bit: 1 << 1, name: "create_user", text: "Create accounts for others." },
  { bit: 1 << 3, name: "delete_user", text: "Delete accounts of others." },
  { bit: 1 << 0, name: "developer", text: "Build images and deploy chutes." },
  { bit: 1 << 4, name: "free_account", text: "Use everything without being charged." },
  { bit: 1 << 8, name: "invoice_billing", text: "Pay by invoice afterwards." },
  // The SDK compares this sentence letter by letter.
  { bit: 1 << 11, name: "public_model_deployment", text: "Allow deploying models publicly." },
  { bit: 1 << 9, name: "stake_weight_quota", text: "Receive a quota by stake." },
  { bit: 1 << 5, name: "unlimited", text: "Call without rate limits." },
  { bit: 1 << 7, name: "unlimited_dev", text: "Build and deploy without daily limits." },
  { bit: 1 << 2, name: "update_user", text: "Change accounts of others." },
] as const;

/** One sentence per permission that an account holds, by role name. @see protocol 01 §6.4 */
export function permissionTexts(account: { readonly permissions: number }): string[] {
  return ROLES.filter(({ bit }) => holds(account, bit)).map(({ text }) => text);
}
