const USERNAME_SHAPE = /^[a-zA-Z0-9_-]{3,15}$/;

/** Literal words below `/users/`: an account of that name could not be addressed. */
const PATH_WORDS: ReadonlySet<string> = new Set([
  "admin_balance_change",
  "agent_registration",
  "balance_transfer",
  "change_bt_auth",
  "change_fingerprint",
  "create_user",
  "growth",
  "link_validator",
  "login",
  "me",
  "name_check",
  "register",
  "set_logo",
  "squad_access",
  "user_id_lookup",
]);

/** Whether the text may be a username: 3 to 15 of `[a-zA-Z0-9_-]`. Names never change, because ids are derived from them. @see protocol 01 §6.2 */
export function isUsername(text: string): boolean {
  return USERNAME_SHAPE.test(text);
}

/** Whether nobody may register that name (any case): the platform's own, or a word of the API. @see protocol 01 §6.2 */
export function isReservedUsername(username: string, platformUsername: string): boolean {
  const lower = username.toLowerCase();
  return lower === platformUsername.toLowerCase() || PATH_WORDS.has(lower);
}
