import type { Db } from "../../infra/postgres/client.js";

/** What the owner changes; absent members stay as they are. @see protocol 03 §10.1 */
export interface ChuteChanges {
  readonly tagline?: string;
  readonly readme?: string;
  readonly toolDescription?: string | null;
  readonly logoId?: string | null;
  readonly maxInstances?: number;
  readonly scalingThreshold?: number;
  readonly shutdownAfterSeconds?: number;
  readonly disabled?: boolean;
}

/** Stores changes of a chute; its version stays, its history gets an entry. */
export async function changeChuteRow(
  tx: Db,
  chuteId: string,
  { now, ...changes }: ChuteChanges & { readonly now: Date },
): Promise<void> {
  const { tagline, readme, toolDescription, logoId, maxInstances, scalingThreshold, shutdownAfterSeconds, disabled } =
    changes;
  await tx
    .updateTable("chutes")
    .set({
      ...(tagline !== undefined && { tagline }),
      ...(readme !== undefined && { readme }),
      ...(toolDescription !== undefined && { tool_description: toolDescription }),
      ...(logoId !== undefined && { logo_id: logoId }),
      ...(maxInstances !== undefined && { max_instances: maxInstances }),
      ...(scalingThreshold !== undefined && { scaling_threshold: scalingThreshold }),
      ...(shutdownAfterSeconds !== undefined && { shutdown_after_seconds: shutdownAfterSeconds }),
      ...(disabled !== undefined && { disabled }),
      updated_at: now,
    })
    .where("chute_id", "=", chuteId)
    .execute();
}
