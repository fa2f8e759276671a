import { sql } from "kysely";
import type { Db } from "../../infra/postgres/client.js";
import type { NodeSelector } from "../../wire/node-selector.js";
import { RESERVED_LABELS, slugOf, slugSuffix, slugWithSuffix } from "../../wire/slug.js";
import type { Account } from "../accounts/account.js";
import type { Image } from "../images/image.js";
import type { DeployRequest } from "./deploy-request.js";

/** A stored chute as the rules of an update look at it. */
export interface LockedChute {
  readonly chuteId: string;
  readonly name: string;
  readonly version: string;
  readonly public: boolean;
  readonly immutable: boolean;
  readonly tee: boolean;
  readonly nodeSelector: NodeSelector;
}

/** Holds back every other deploy of an account until the transaction ends: its balance and its names are then stable. */
export async function lockAccount(tx: Db, userId: string): Promise<void> {
  await tx.selectFrom("users").select("user_id").where("user_id", "=", userId).forUpdate().execute();
}

/** One owner's chute of that name (any case), locked. */
export async function lockChute(tx: Db, userId: string, name: string): Promise<LockedChute | undefined> {
  const row = await selectLocked(tx)
    .where("user_id", "=", userId)
    .where(sql`lower(name)`, "=", name.toLowerCase())
    .executeTakeFirst();
  return row && toLocked(row);
}

/** The chute of that id if it is one of the owner's, locked. */
export async function lockOwnChute(tx: Db, userId: string, chuteId: string): Promise<LockedChute | undefined> {
  const row = await selectLocked(tx).where("chute_id", "=", chuteId).where("user_id", "=", userId).executeTakeFirst();
  return row && toLocked(row);
}

/** Holds launches and other changes of a chute back until the transaction ends. @returns false when it is gone */
export async function lockChuteRow(tx: Db, chuteId: string): Promise<boolean> {
  const row = await selectLocked(tx).where("chute_id", "=", chuteId).executeTakeFirst();
  return row !== undefined;
}

/**
 * Locks the launches of a chute that is locked already. Whoever acts on a launch locks it before its instance, so whoever
 * deletes both has to do the same.
 */
export async function lockLaunchesOf(tx: Db, chuteId: string): Promise<void> {
  await tx
    .selectFrom("launch_configs")
    .select("config_id")
    .where("chute_id", "=", chuteId)
    .orderBy("config_id")
    .forUpdate()
    .execute();
}

function selectLocked(tx: Db) {
  return tx
    .selectFrom("chutes")
    .select(["chute_id", "name", "version", "public", "immutable", "tee", "node_selector"])
    .forUpdate();
}

type LockedRow = Awaited<ReturnType<ReturnType<typeof selectLocked>["executeTakeFirstOrThrow"]>>;

function toLocked({ chute_id: chuteId, node_selector: nodeSelector, ...rest }: LockedRow): LockedChute {
  return { ...rest, chuteId, nodeSelector: nodeSelector as NodeSelector };
}

/** How often an account deployed, updated or deleted chutes since that moment. @see protocol 03 §5.4 */
export async function countChangesSince(tx: Db, userId: string, since: Date): Promise<number> {
  const { rows } = await sql<{ changes: number }>`
    select count(*)::integer as changes from chute_history
    where user_id = ${userId} and greatest(created_at, updated_at, deleted_at) > ${since}`.execute(tx);
  return rows[0]?.changes ?? 0;
}

/** Whether the account is linked to a hotkey of a validator or the subnet's owner. @see protocol 03 §5.4 */
export async function isLinked(tx: Db, userId: string): Promise<boolean> {
  const { rows } = await sql`select from linked_hotkeys where user_id = ${userId} limit 1`.execute(tx);
  return rows.length > 0;
}

/** Keeps an image from being deleted until the transaction ends. @returns false when it is gone already */
export async function holdImage(tx: Db, imageId: string): Promise<boolean> {
  const image = await tx
    .selectFrom("images")
    .select("image_id")
    .where("image_id", "=", imageId)
    .forKeyShare()
    .executeTakeFirst();
  return image !== undefined;
}

/** What a deploy stores beside the request. */
export interface Deployment {
  readonly account: Account;
  readonly request: DeployRequest;
  readonly image: Image;
  readonly version: string;
  /** Whether the owner pays for instances: only then the scaling values are kept. */
  readonly isPrivate: boolean;
  readonly now: Date;
}

const SLUG_ATTEMPTS = 20;

/** Inserts a new chute under the first free slug. The insert itself settles who gets a slug. */
export async function insertChute(tx: Db, chuteId: string, deployment: Deployment): Promise<void> {
  const { account, request, now } = deployment;
  const base = slugOf(account.username, request.name);
  for (let attempt = 0; attempt < SLUG_ATTEMPTS; attempt += 1) {
    const isFirstChoice = attempt === 0 && !RESERVED_LABELS.has(base);
    const inserted = await tx
      .insertInto("chutes")
      .values({
        ...replaceable(deployment),
        chute_id: chuteId,
        user_id: account.userId,
        name: request.name,
        slug: isFirstChoice ? base : slugWithSuffix(base, slugSuffix()),
        standard_template: request.standardTemplate,
        lock_modules: request.standardTemplate !== null || request.lockModules,
        encrypted_fs: request.encryptedFs,
        created_at: now,
      })
      .onConflict((conflict) => conflict.column("slug").doNothing())
      .returning("chute_id")
      .executeTakeFirst();
    if (inserted !== undefined) return;
  }
  throw new Error(`no free slug for ${base} after ${SLUG_ATTEMPTS} attempts`);
}

/** Replaces what a new deploy replaces; identity, template, slug and operator's values stay. @see protocol 03 §5.6 */
export async function updateChute(tx: Db, chuteId: string, deployment: Deployment): Promise<void> {
  const { lockModules, encryptedFs } = deployment.request;
  await tx
    .updateTable("chutes")
    .set({
      ...replaceable(deployment),
      lock_modules: sql<boolean>`standard_template is not null or ${lockModules}`,
      // Existing volumes cannot be encrypted afterwards.
      encrypted_fs: sql<boolean>`encrypted_fs and ${encryptedFs}`,
    })
    .where("chute_id", "=", chuteId)
    .execute();
}

/**
 * Deletes a chute; its shares, secrets, launch configs and rolling update go with it.
 * @returns the version that miners hold
 */
export async function deleteChuteRow(tx: Db, chuteId: string): Promise<string | undefined> {
  const deleted = await tx.deleteFrom("chutes").where("chute_id", "=", chuteId).returning("version").executeTakeFirst();
  return deleted?.version;
}

/** Ids of all instances of a chute. */
export async function instanceIdsOf(tx: Db, chuteId: string): Promise<string[]> {
  const rows = await tx.selectFrom("instances").select("instance_id").where("chute_id", "=", chuteId).execute();
  return rows.map((row) => row.instance_id);
}

function replaceable({ request, image, version, isPrivate, now }: Deployment) {
  return {
    tagline: request.tagline,
    readme: request.readme,
    tool_description: request.toolDescription,
    image_id: image.imageId,
    logo_id: request.logoId,
    public: request.public,
    cords: JSON.stringify(request.cords),
    jobs: JSON.stringify(request.jobs),
    node_selector: JSON.stringify(request.nodeSelector),
    code: request.code,
    filename: request.filename,
    ref_str: request.refStr,
    version,
    chutes_version: image.chutesVersion,
    concurrency: request.concurrency,
    revision: request.revision,
    max_instances: isPrivate ? request.maxInstances : null,
    scaling_threshold: isPrivate ? request.scalingThreshold : null,
    shutdown_after_seconds: isPrivate ? request.shutdownAfterSeconds : null,
    allow_external_egress: request.allowExternalEgress,
    tee: request.tee,
    updated_at: now,
  };
}
