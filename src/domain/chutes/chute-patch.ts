import type { Db } from "../../infra/postgres/client.js";
import { chuteUpdated } from "../../wire/events.js";
import { chuteVersionOf } from "../../wire/ids.js";
import { enqueue, invalidate } from "../outbox/outbox-repository.js";
import { chuteIdsOfImage, patchableChute, setPatchedVersion } from "./chute-patch-repository.js";
import type { RollingUpdatePace } from "./rolling-update.js";
import { startRollingUpdate } from "./rolling-update-repository.js";

/** An image that runs another SDK than before under the same name. */
export interface ImagePatch {
  readonly imageId: string;
  /** Sentence for the miners. */
  readonly reason: string;
  readonly pace: RollingUpdatePace;
  readonly now: Date;
}

/**
 * Replaces the instances of every chute of an image whose patch has changed, as a deploy would. Each chute is a transaction of
 * its own, with its own quotas; chutes that have the patch already are left alone, so a broken-off call is repeated.
 * @returns ids of the chutes that got a new version
 * @see protocol 03 §13, §17.10
 */
export async function patchChutesOfImage(db: Db, patch: ImagePatch): Promise<string[]> {
  const patched: string[] = [];
  for (const chuteId of await chuteIdsOfImage(db, patch.imageId)) {
    const isNew = await db.transaction().execute((tx) => patchChute(tx, chuteId, patch));
    if (isNew) patched.push(chuteId);
  }
  return patched;
}

async function patchChute(tx: Db, chuteId: string, { imageId, reason, pace, now }: ImagePatch): Promise<boolean> {
  const chute = await patchableChute(tx, chuteId);
  if (chute?.imageId !== imageId) return false;
  const { version: oldVersion, chutesVersion, jobOnly } = chute;
  const version = chuteVersionOf(chute);
  if (version === oldVersion) return false;
  await setPatchedVersion(tx, chuteId, { version, chutesVersion });
  const plan = { chuteId, oldVersion, newVersion: version, reason, image: chute.imageName, pace, now };
  await startRollingUpdate(tx, plan);
  const events = chuteUpdated({ chuteId, version, jobOnly });
  await enqueue(
    tx,
    events.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
    now,
  );
  await invalidate(tx, [{ kind: "chute", id: chuteId }], now);
  return true;
}
