import { chuteById, chuteIdOf } from "../../../domain/chutes/chute-repository.js";
import type { DeployDeps } from "../../../domain/chutes/deploy.js";
import { deleteInstancesIn } from "../../../domain/instances/instance-deletion-repository.js";
import { isUuid } from "../../../wire/ids.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { chuteNotFound } from "../visible-chute.js";
import type { ReadChuteDeps } from "./chute-read.js";

export type ChangeChuteDeps = ReadChuteDeps & Pick<ApiDeps, "chain"> & { readonly directory: Directory };

/** What the domain's changes of chutes need, at this moment. */
export function deployDeps({ db, gpuTable, config, now: clock }: ChangeChuteDeps): DeployDeps {
  const now = clock();
  const { rollingUpdateSeconds, rollingUpdateMaxPauseSeconds } = config.deploy;
  return {
    db,
    gpuTable,
    platformUsername: config.platformUsername,
    policy: { ...config.deploy, developerDepositUsd: config.accounts.developerDepositUsd },
    pace: { seconds: rollingUpdateSeconds, maxPauseSeconds: rollingUpdateMaxPauseSeconds },
    now,
    deleteInstances: (tx, instanceIds, reason) =>
      deleteInstancesIn(tx, { instanceIds, reason, now, validTermination: true }),
  };
}

/** Only among the caller's own, by id or by name in any case. @throws AppError `not_found` @see protocol 03 §10.2 */
export async function ownChuteId(db: ApiDeps["db"], userId: string, idOrName: string): Promise<string> {
  if (!isUuid(idOrName)) return (await chuteIdOf(db, { userId, name: idOrName })) ?? refuse();
  const chute = await chuteById(db, idOrName.toLowerCase());
  return chute?.userId === userId ? chute.chuteId : refuse();
}

/** Brings shared memory in line with a change that is committed. All of it may be lost, so its absence fails no answer. */
export async function afterCommit(
  { log }: Pick<ApiDeps, "log">,
  chuteId: string,
  work: Promise<unknown>,
): Promise<void> {
  await work.catch((error: unknown) =>
    log.warn({ err: error, chuteId }, "shared memory still holds a chute's old state"),
  );
}

function refuse(): never {
  throw chuteNotFound();
}
