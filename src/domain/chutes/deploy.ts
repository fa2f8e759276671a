import type { Db } from "../../infra/postgres/client.js";
import { chuteCreated, chuteUpdated } from "../../wire/events.js";
import type { GpuTable } from "../../wire/gpu-table.js";
import { chuteIdOf, chuteVersionOf } from "../../wire/ids.js";
import type { Account } from "../accounts/account.js";
import { accountById, effectiveBalance } from "../accounts/account-repository.js";
import { PLATFORM_ACCOUNT, postTransfer, userAccount } from "../billing/ledger-repository.js";
import type { Image } from "../images/image.js";
import { findImage } from "../images/image-repository.js";
import { logoExists } from "../logos/logo-repository.js";
import { enqueue, invalidate } from "../outbox/outbox-repository.js";
import { isPrivate } from "./chute.js";
import {
  countChangesSince,
  type Deployment,
  holdImage,
  insertChute,
  instanceIdsOf,
  isLinked,
  type LockedChute,
  lockAccount,
  lockChute,
  updateChute,
} from "./deploy-repository.js";
import type { DeployRequest } from "./deploy-request.js";
import { checkDeploy, type DeployedChute, type DeployPolicy } from "./deploy-rules.js";
import { selectorFacts } from "./pricing.js";
import { OLD_VERSION_REASON, type RollingUpdatePace } from "./rolling-update.js";
import { startRollingUpdate, stopRollingUpdate } from "./rolling-update-repository.js";
import type { DeleteInstances } from "./rolling-update-steps.js";

/** What a change of a chute needs around it. */
export interface ChangeDeps {
  readonly db: Db;
  readonly platformUsername: string;
  readonly now: Date;
  /** The miners keep what they earned with them. */
  readonly deleteInstances: DeleteInstances;
}

/** What a deploy needs around it. */
export interface DeployDeps extends ChangeDeps {
  readonly gpuTable: GpuTable;
  readonly policy: DeployPolicy;
  readonly pace: RollingUpdatePace;
}

const DAY_MS = 86_400_000;
const UPDATE_REASON = "new version";

/**
 * Deploys a new chute or a new version of one. Checks, fee, row, events and the plan to replace old instances are one
 * transaction, during which other deploys of the account wait.
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
    if (existing !== undefined) return update(deps, tx, { existing, deployment });
    const chuteId = chuteIdOf(account.username, deploy.request.name);
    await insertChute(tx, chuteId, deployment);
    if (feeMicroUsd > 0n) await chargeFee(tx, { deployment, chuteId, feeMicroUsd });
    await announce(tx, { ...deployment, chuteId, events: chuteCreated });
    return chuteId;
  });
}

async function prepare(
  { db: tx, gpuTable, platformUsername, policy, now }: DeployDeps,
  known: Account,
  { request, acceptFee }: { readonly request: DeployRequest; readonly acceptFee: boolean },
): Promise<{ deployment: Deployment; existing: LockedChute | undefined; feeMicroUsd: bigint }> {
  const account = (await accountById(tx, known.userId)) ?? known;
  const { userId } = account;
  const found = await heldImage(tx, request.image, userId);
  const version = chuteVersionOf({
    imageId: found?.imageId ?? "",
    patchVersion: found?.patchVersion ?? null,
    code: request.code,
  });
  const existing = await lockChute(tx, userId, request.name);
  const { image, feeMicroUsd } = checkDeploy({
    policy,
    account,
    isPlatform: account.username === platformUsername,
    isLinked: await isLinked(tx, userId),
    recentChanges: await countChangesSince(tx, userId, new Date(now.getTime() - DAY_MS)),
    request,
    image: found,
    version,
    existing: existing && deployed(existing, gpuTable),
    facts: selectorFacts(gpuTable, request.nodeSelector),
    effectiveBalanceMicroUsd: await effectiveBalance(tx, userId, now),
    acceptFee,
    hasLogo: request.logoId !== null && (await logoExists(tx, { logoId: request.logoId, userId })),
  });
  const owner = { public: request.public, ownerUsername: account.username };
  const deployment = { account, request, image, version, isPrivate: isPrivate(owner, platformUsername), now };
  return { deployment, existing, feeMicroUsd };
}

/** The image, which then stays for as long as the deploy takes. */
async function heldImage(tx: Db, idOrName: string, userId: string): Promise<Image | undefined> {
  const found = await findImage(tx, idOrName, userId);
  return found !== undefined && (await holdImage(tx, found.imageId)) ? found : undefined;
}

function deployed(chute: LockedChute, gpuTable: GpuTable): DeployedChute {
  const { supportedGpus } = selectorFacts(gpuTable, chute.nodeSelector);
  return { ...chute, gpuCount: chute.nodeSelector.gpu_count ?? 1, supportedGpus };
}

/** Instances of the old version are replaced one after the other, unless the developer wants them gone at once. */
async function update(
  deps: DeployDeps,
  tx: Db,
  { existing, deployment }: { readonly existing: LockedChute; readonly deployment: Deployment },
): Promise<string> {
  const { chuteId, version: oldVersion } = existing;
  const { version: newVersion, request, now } = deployment;
  await updateChute(tx, chuteId, deployment);
  if (request.useRollingUpdate) {
    const plan = { chuteId, oldVersion, newVersion, reason: UPDATE_REASON, image: null, pace: deps.pace, now };
    await startRollingUpdate(tx, plan);
  } else {
    await stopRollingUpdate(tx, chuteId);
    await deps.deleteInstances(tx, await instanceIdsOf(tx, chuteId), OLD_VERSION_REASON);
  }
  await announce(tx, { ...deployment, chuteId, events: chuteUpdated });
  return chuteId;
}

interface Fee {
  readonly deployment: Deployment;
  readonly chuteId: string;
  readonly feeMicroUsd: bigint;
}

async function chargeFee(tx: Db, { deployment, chuteId, feeMicroUsd }: Fee): Promise<void> {
  const { account, now } = deployment;
  await postTransfer(tx, {
    from: userAccount(account.userId),
    to: PLATFORM_ACCOUNT.fees,
    amountMicroUsd: feeMicroUsd,
    reason: `deployment fee of chute ${chuteId}`,
    idempotencyKey: `deploy-fee:${chuteId}:${now.getTime()}`,
    now,
  });
}

interface Announcement extends Pick<Deployment, "account" | "request" | "version" | "now"> {
  readonly chuteId: string;
  readonly events: typeof chuteCreated;
}

async function announce(tx: Db, { chuteId, version, request, account, now, events }: Announcement): Promise<void> {
  const messages = events({ chuteId, version, jobOnly: request.cords.length === 0 });
  await enqueue(
    tx,
    messages.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
    now,
  );
  // The fee changed the balance, and deploys may have waited for this one.
  const changes = [{ kind: "chute", id: chuteId } as const, { kind: "account", id: account.userId } as const];
  await invalidate(tx, changes, now);
}
