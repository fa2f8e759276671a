import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { chuteCreated, chuteDeleted, chuteUpdated } from "../../wire/events.js";
import type { GpuTable } from "../../wire/gpu-table.js";
import { chuteIdOf, chuteVersionOf } from "../../wire/ids.js";
import type { Account } from "../accounts/account.js";
import { accountById, effectiveBalance } from "../accounts/account-repository.js";
import { findImage } from "../images/image-repository.js";
import { enqueue, invalidate } from "../outbox/outbox-repository.js";
import { isPrivate } from "./chute.js";
import {
  countChangesSince,
  type Deployment,
  deleteChuteRow,
  insertChute,
  instanceIdsOf,
  type LockedChute,
  lockAccount,
  lockChute,
  updateChute,
} from "./deploy-repository.js";
import type { DeployRequest } from "./deploy-request.js";
import { checkDeploy, type DeployedChute } from "./deploy-rules.js";
import { selectorFacts } from "./pricing.js";

/** What a deploy needs around it. */
export interface DeployDeps {
  readonly db: Db;
  readonly gpuTable: GpuTable;
  readonly platformUsername: string;
  readonly now: Date;
  /** Deletes instances in the transaction, with their audit and events. */
  readonly deleteInstances: (tx: Db, instanceIds: readonly string[], reason: string) => Promise<unknown>;
  /** Books the fee of a new chute in the transaction. */
  readonly chargeFee: (tx: Db, fee: { userId: string; chuteId: string; amountMicroUsd: bigint }) => Promise<unknown>;
}

/** Scoring looks for these very words. @see protocol 05 §6.7 */
const OLD_VERSION_REASON = "instance has an old version of the chute";
const DELETED_REASON = "chute deleted";
const DAY_MS = 86_400_000;

/**
 * Deploys a new chute or a new version of one. Checks, fee, row, events and the end of old instances are one transaction,
 * during which other deploys of the account wait.
 * @returns id of the chute
 * @throws AppError of the first rule that is broken; nothing is stored then
 * @see protocol 03 §5
 */
export function deployChute(
  deps: DeployDeps,
  account: Account,
  deploy: { readonly request: DeployRequest; readonly acceptFee: boolean },
): Promise<string> {
  return deps.db.transaction().execute(async (tx) => {
    await lockAccount(tx, account.userId);
    const { deployment, existing, feeMicroUsd } = await prepare({ ...deps, db: tx }, account, deploy);
    if (existing !== undefined) return update(deps, tx, { chuteId: existing.chuteId, deployment });
    const chuteId = chuteIdOf(account.username, deploy.request.name);
    await insertChute(tx, chuteId, deployment);
    if (feeMicroUsd > 0n) await deps.chargeFee(tx, { userId: account.userId, chuteId, amountMicroUsd: feeMicroUsd });
    await announce(tx, { ...deployment, chuteId, events: chuteCreated });
    return chuteId;
  });
}

/**
 * Deletes one of the owner's chutes with its instances, whose miners keep what they earned.
 * @throws AppError `not_found` when it is gone already
 * @see protocol 03 §10.2
 */
export async function deleteChute(deps: DeployDeps, chuteId: string): Promise<void> {
  await deps.db.transaction().execute(async (tx) => {
    await deps.deleteInstances(tx, await instanceIdsOf(tx, chuteId), DELETED_REASON);
    const version = await deleteChuteRow(tx, chuteId);
    if (version === undefined) throw new AppError("not_found", "Chute not found.");
    const events = chuteDeleted({ chuteId, version });
    await enqueue(tx, events.map(toMessage), deps.now);
    await invalidate(tx, [{ kind: "chute", id: chuteId }], deps.now);
  });
}

async function prepare(
  { db: tx, gpuTable, platformUsername, now }: DeployDeps,
  known: Account,
  { request, acceptFee }: { readonly request: DeployRequest; readonly acceptFee: boolean },
): Promise<{ deployment: Deployment; existing: LockedChute | undefined; feeMicroUsd: bigint }> {
  const account = (await accountById(tx, known.userId)) ?? known;
  const found = await findImage(tx, request.image, account.userId);
  const version = chuteVersionOf({
    imageId: found?.imageId ?? "",
    patchVersion: found?.patchVersion ?? null,
    code: request.code,
  });
  const existing = await lockChute(tx, account.userId, request.name);
  const { image, feeMicroUsd } = checkDeploy({
    account,
    isPlatform: account.username === platformUsername,
    recentChanges: await countChangesSince(tx, account.userId, new Date(now.getTime() - DAY_MS)),
    request,
    image: found,
    version,
    existing: existing && deployed(existing, gpuTable),
    facts: selectorFacts(gpuTable, request.nodeSelector),
    effectiveBalanceMicroUsd: await effectiveBalance(tx, account.userId, now),
    acceptFee,
  });
  const owner = { public: request.public, ownerUsername: account.username };
  const deployment = { account, request, image, version, isPrivate: isPrivate(owner, platformUsername), now };
  return { deployment, existing, feeMicroUsd };
}

function deployed(chute: LockedChute, gpuTable: GpuTable): DeployedChute {
  const { supportedGpus } = selectorFacts(gpuTable, chute.nodeSelector);
  return { ...chute, gpuCount: chute.nodeSelector.gpu_count ?? 1, supportedGpus };
}

/** Instances of the old version end at once: miners then start the new one on `chute_updated`. */
async function update(
  deps: DeployDeps,
  tx: Db,
  { chuteId, deployment }: { readonly chuteId: string; readonly deployment: Deployment },
): Promise<string> {
  await updateChute(tx, chuteId, deployment);
  await deps.deleteInstances(tx, await instanceIdsOf(tx, chuteId), OLD_VERSION_REASON);
  await announce(tx, { ...deployment, chuteId, events: chuteUpdated });
  return chuteId;
}

interface Announcement extends Pick<Deployment, "account" | "request" | "version" | "now"> {
  readonly chuteId: string;
  readonly events: typeof chuteCreated;
}

async function announce(tx: Db, { chuteId, version, request, account, now, events }: Announcement): Promise<void> {
  const messages = events({ chuteId, version, jobOnly: request.cords.length === 0 }).map(toMessage);
  await enqueue(tx, messages, now);
  // The fee changed the balance, and deploys may have waited for this one.
  const changes = [{ kind: "chute", id: chuteId } as const, { kind: "account", id: account.userId } as const];
  await invalidate(tx, changes, now);
}

function toMessage({ channel, payload }: ReturnType<typeof chuteCreated>[number]) {
  return { channel, payload: { ...payload } };
}
