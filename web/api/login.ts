import { ApiError, openApi } from "./client.js";
import { detailText } from "./detail.js";

/** A session token for the account's fingerprint. */
export async function logInByFingerprint(fingerprint: string): Promise<string> {
  const answer = await openApi("").json("/users/login", { method: "POST", body: { fingerprint } });
  return (answer as { token: string }).token;
}

/** The key itself is the credential; asking for the account proves that it may act as the user. */
export async function logInByApiKey(apiKey: string): Promise<string> {
  await openApi(apiKey).json("/users/me");
  return apiKey;
}

/** Takes over the session that `chutes login` left in this browser's cookie. The only request that carries cookies. */
export async function logInByCookie(): Promise<string> {
  const answer = await fetch("/users/login/session", { method: "POST", credentials: "same-origin" }).catch(() => {
    throw new ApiError(0, "The platform cannot be reached. Check that it is running, then try again.");
  });
  const body: unknown = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new ApiError(answer.status, detailText(body) ?? "There is no session of chutes login here.");
  return (body as { token: string }).token;
}

/** Ends that session too, so that the next person at this device finds none. */
export async function forgetCookie(): Promise<void> {
  await fetch("/users/login/session", { method: "DELETE", credentials: "same-origin" }).catch(() => undefined);
}
