import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { forgive, throttle } from "../../../domain/accounts/attempt-store.js";
import { isFingerprint, storedFingerprint } from "../../../domain/accounts/fingerprint.js";
import { changeIdentity, userIdsByColdkey } from "../../../domain/accounts/identity-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { HEADER } from "../../../wire/headers.js";
import { isFreshNonce, verifyHotkeyMessage } from "../../../wire/hotkey-signature.js";
import { accountByFingerprintHeader } from "../auth-fingerprint.js";
import { openReplayGuard } from "../auth-replay.js";
import { textOf } from "../auth-signature.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";

type Deps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "log"> & { readonly directory: Directory };

/** The client's clock may be five minutes off. @see protocol 01 §2.4 */
const NONCE_WINDOW_SECONDS = 300;
const ATTEMPTS_PER_MINUTE = 10;

const FingerprintBody = Type.Object({ fingerprint: Type.String({ maxLength: 1024 }) });

/** A new master secret for an account. @see protocol 01 §5.3 */
export const fingerprintRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const response = { 200: Type.Object({ status: Type.String() }) };
  app.post("/users/change_fingerprint", { schema: { body: FingerprintBody, response } }, async (request, reply) => {
    const fingerprint = checkedBody(request, FingerprintBody).fingerprint;
    const userId = await provenUser(deps, request, fingerprint);
    await change(deps, request, { userId, fingerprint: fingerprint.trim() });
    return reply.header("cache-control", "no-store").send({ status: "fingerprint changed" });
  });
};

/** One answer for a weak fingerprint and for one that somebody else uses, or else trying would find out those of others. */
const UNUSABLE = "This fingerprint cannot be used: choose at least 16 characters that are hard to guess.";

async function change(
  { config, db, now, directory, log }: Deps,
  { clientAddress }: FastifyRequest,
  { userId, fingerprint }: { readonly userId: string; readonly fingerprint: string },
): Promise<void> {
  if (!isFingerprint(fingerprint)) throw new AppError("invalid", UNUSABLE);
  const fingerprintHash = storedFingerprint(fingerprint, config.accounts.fingerprintPepper);
  const entry = { userId, actor: userId, action: "change_fingerprint", details: {}, clientAddress, now: now() };
  const outcome = await changeIdentity(db, { fingerprintHash }, entry);
  if (outcome === "taken") throw new AppError("invalid", UNUSABLE);
  directory.drop({ kind: "account", id: userId });
  log.info({ userId }, "fingerprint changed");
}

/** Who asks: by a signature over the new fingerprint, or by the fingerprint that is to be replaced. */
async function provenUser(deps: Deps, request: FastifyRequest, fingerprint: string): Promise<string> {
  const { headers } = request;
  const nonce = textOf(headers[HEADER.nonce]);
  const signatureHex = textOf(headers[HEADER.signature]);
  const hotkey = textOf(headers[HEADER.hotkey]);
  const coldkey = textOf(headers[HEADER.coldkey]);
  if (nonce === undefined || signatureHex === undefined || (hotkey ?? coldkey) === undefined)
    return (await accountByFingerprintHeader(deps, request)).userId;
  if (!isWithin(nonce, deps.now()))
    throw new AppError("unauthorized", "X-Chutes-Nonce must be Unix seconds less than 300 s from the server's clock.");
  const attempts = [request.clientAddress, ...[hotkey, coldkey].filter((key) => key !== undefined)].map((key) => ({
    action: "change_fingerprint",
    key: key.slice(0, 64),
    limit: ATTEMPTS_PER_MINUTE,
    now: deps.now(),
  }));
  await Promise.all(attempts.map((attempt) => throttle(deps.redis, attempt)));
  // Each address is checked with its own key: the holder of one must not speak for the other.
  const isSignedBy = (address: string | undefined): address is string =>
    address !== undefined &&
    verifyHotkeyMessage({ hotkey: address, message: `${address}:${fingerprint}:${nonce}`, signatureHex });
  const found = isSignedBy(hotkey) ? await byHotkey(deps, hotkey) : undefined;
  const userId = found ?? (isSignedBy(coldkey) ? await byColdkey(deps, coldkey) : undefined);
  if (userId === undefined)
    throw new AppError(
      "unauthorized",
      "The signature is not one of <address>:<fingerprint>:<nonce> by an account's key.",
    );
  await openReplayGuard(deps.redis).claim(request);
  await Promise.all(attempts.map((attempt) => forgive(deps.redis, attempt)));
  return userId;
}

/** Whole seconds count here, and the ends of the window belong to it. @see protocol 01 §2.4 */
function isWithin(nonce: string, now: Date): boolean {
  const second = new Date(Math.floor(now.getTime() / 1000) * 1000);
  return isFreshNonce(nonce, second, NONCE_WINDOW_SECONDS + 1);
}

async function byHotkey({ directory }: Deps, hotkey: string): Promise<string | undefined> {
  return (await directory.accountByHotkey(hotkey))?.userId;
}

/** Nobody proves a coldkey when registering, so several accounts may claim one. */
async function byColdkey({ db }: Deps, coldkey: string): Promise<string | undefined> {
  const [userId, another] = await userIdsByColdkey(db, coldkey, 2);
  if (another !== undefined)
    throw new AppError("invalid", "Several accounts have this coldkey; sign with the hotkey of the one you mean.");
  return userId;
}
