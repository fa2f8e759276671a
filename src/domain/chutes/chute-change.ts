import { AppError } from "../../kernel/errors.js";
import { chuteDeleted } from "../../wire/events.js";
import type { Account } from "../accounts/account.js";
import { logoExists } from "../logos/logo-repository.js";
import { enqueue, invalidate } from "../outbox/outbox-repository.js";
import { isPrivate } from "./chute.js";
import { type ChuteChanges, changeChuteRow } from "./chute-change-repository.js";
import type { ChangeDeps } from "./deploy.js";
import { deleteChuteRow, instanceIdsOf, lockLaunchesOf, lockOwnChute } from "./deploy-repository.js";

const DELETED_REASON = "chute deleted";
const DISABLED_REASON = "chute disabled";

/** Which of whose chutes. */
export interface OwnChute {
  readonly account: Account;
  readonly chuteId: string;
}

/**
 * Changes what of a chute needs no new version. A private chute that is disabled loses its instances, without blame.
 * @throws AppError `not_found`, `forbidden` for an immutable chute, `unprocessable` for scaling values of a chute that the
 *   platform scales, `invalid` for a logo that is not the owner's
 * @see protocol 03 §10.1
 */
export async function changeChute(
  deps: ChangeDeps,
  { account, chuteId }: OwnChute,
  changes: ChuteChanges,
): Promise<{ readonly isPrivate: boolean }> {
  return deps.db.transaction().execute(async (tx) => {
    const chute = (await lockOwnChute(tx, account.userId, chuteId)) ?? refuse();
    if (chute.immutable) throw new AppError("forbidden", "This chute cannot be changed.");
    const owned = isPrivate({ public: chute.public, ownerUsername: account.username }, deps.platformUsername);
    if (!owned) refuseScaling(changes);
    const { logoId } = changes;
    if (typeof logoId === "string" && !(await logoExists(tx, { logoId, userId: account.userId })))
      throw new AppError("invalid", `Validation failure: logo ${logoId} does not exist`);
    await changeChuteRow(tx, chuteId, { ...changes, now: deps.now });
    if (changes.disabled === true && owned)
      await deps.deleteInstances(tx, await instanceIdsOf(tx, chuteId), DISABLED_REASON);
    await invalidate(tx, [{ kind: "chute", id: chuteId }], deps.now);
    return { isPrivate: owned };
  });
}

/**
 * Deletes one of the owner's chutes with its instances, whose miners keep what they earned.
 * @throws AppError `not_found` when it is gone already
 * @see protocol 03 §10.2
 */
export async function deleteChute(deps: ChangeDeps, { account, chuteId }: OwnChute): Promise<void> {
  await deps.db.transaction().execute(async (tx) => {
    if ((await lockOwnChute(tx, account.userId, chuteId)) === undefined) refuse();
    await lockLaunchesOf(tx, chuteId);
    await deps.deleteInstances(tx, await instanceIdsOf(tx, chuteId), DELETED_REASON);
    const version = (await deleteChuteRow(tx, chuteId)) ?? refuse();
    const events = chuteDeleted({ chuteId, version });
    await enqueue(
      tx,
      events.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
      deps.now,
    );
    await invalidate(tx, [{ kind: "chute", id: chuteId }], deps.now);
  });
}

/** Nobody pays for the instances of such a chute, so nobody but the platform says how many there are. */
function refuseScaling(changes: ChuteChanges): void {
  const given = (["maxInstances", "scalingThreshold", "shutdownAfterSeconds"] as const).filter(
    (member) => changes[member] !== undefined,
  );
  if (given.length === 0) return;
  const msg = "only private chutes have scaling values";
  const detail = given.map((member) => ({ type: "value_error", loc: ["body", WIRE_NAMES[member]], msg }));
  throw new AppError("unprocessable", msg, { detail });
}

const WIRE_NAMES = {
  maxInstances: "max_instances",
  scalingThreshold: "scaling_threshold",
  shutdownAfterSeconds: "shutdown_after_seconds",
} as const;

function refuse(): never {
  throw new AppError("not_found", "Chute not found.");
}
