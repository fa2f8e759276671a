import { PERMISSION_NAMES } from "./account.js";

/** What each role allows, as `GET /users/me` shows it. @see protocol 01 §6.4, §7 */
const TEXTS: Readonly<Record<string, string>> = {
  affine_admin: "Administer the partner subnet.",
  billing_admin: "Administer balances, quotas and discounts.",
  create_user: "Create accounts for others.",
  delete_user: "Delete accounts of others.",
  developer: "Build images and deploy chutes.",
  free_account: "Use everything without being charged.",
  invoice_billing: "Pay by invoice afterwards.",
  // The SDK compares this sentence letter by letter.
  public_model_deployment: "Allow deploying models publicly.",
  stake_weight_quota: "Receive a quota by stake.",
  super_admin: "Grant and revoke permissions.",
  unlimited: "Call without rate limits.",
  unlimited_dev: "Build and deploy without daily limits.",
  update_user: "Change accounts of others.",
};

const BY_NAME = [...PERMISSION_NAMES].sort(([one], [other]) => (one < other ? -1 : 1));

/** Names of the permissions that an account holds, in alphabetical order. */
export function permissionNames({ permissions }: { readonly permissions: number }): string[] {
  return BY_NAME.filter(([, bit]) => (permissions & bit) === bit).map(([name]) => name);
}

/** One sentence per permission that an account holds, by role name. @see protocol 01 §6.4 */
export function permissionTexts(account: { readonly permissions: number }): string[] {
  return permissionNames(account).map((name) => TEXTS[name] ?? name);
}
