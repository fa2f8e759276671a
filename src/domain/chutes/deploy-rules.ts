import { AppError } from "../../kernel/errors.js";
import { compareVersions } from "../../wire/versions.js";
import { type Account, holds, PERMISSION } from "../accounts/account.js";
import { BUILT, type Image } from "../images/image.js";
import type { DeployRequest } from "./deploy-request.js";
import { deployFeeMicroUsd, type SelectorFacts } from "./pricing.js";
import { recordProblem } from "./record-rules.js";

/** Deploys, updates and deletions of one account in 24 h. @see protocol 03 §5.4 */
const DEPLOYS_PER_DAY = 24;

/** Older images cannot run under this protocol. @see protocol 03 §5.2 (12) */
const OLDEST_SDK = "0.3.31";
const EXCLUDE_LIMIT = 5;

/** What of the stored chute decides about its update. */
export interface DeployedChute {
  readonly chuteId: string;
  readonly name: string;
  readonly version: string;
  readonly public: boolean;
  readonly immutable: boolean;
  readonly tee: boolean;
  readonly gpuCount: number;
  readonly supportedGpus: readonly string[];
}

/** Everything the checks look at. */
export interface DeployCase {
  readonly account: Account;
  readonly isPlatform: boolean;
  readonly recentChanges: number;
  readonly request: DeployRequest;
  readonly image: Image | undefined;
  readonly version: string;
  readonly existing: DeployedChute | undefined;
  readonly facts: SelectorFacts;
  readonly effectiveBalanceMicroUsd: bigint;
  readonly acceptFee: boolean;
}

/**
 * Applies the rules of a deploy in the order in which developers meet them.
 * @returns the image, and the fee in micro-USD
 * @throws AppError of the first rule that is broken
 * @see protocol 03 §5.2
 */
export function checkDeploy(deploy: DeployCase): { image: Image; feeMicroUsd: bigint } {
  checkDailyLimit(deploy);
  if (deploy.request.public && !holds(deploy.account, PERMISSION.publicModelDeployment))
    throw new AppError("invalid", "This account may not deploy public chutes.");
  const image = usableImage(deploy);
  checkExisting(deploy);
  checkSelector(deploy);
  const feeMicroUsd = checkFee(deploy);
  if (deploy.request.standardTemplate === "vllm" && deploy.request.revision === null)
    throw new AppError("invalid", "Chutes of the vllm template need a revision: 40 hex digits.");
  if (compareVersions(image.chutesVersion, OLDEST_SDK) < 0)
    throw new AppError("invalid", `The image needs chutes ${OLDEST_SDK} or newer; rebuild it.`);
  checkUpdate(deploy);
  const problem = recordProblem(deploy.request);
  if (problem !== undefined) throw new AppError("invalid", `Validation failure: ${problem}`);
  return { image, feeMicroUsd };
}

function checkDailyLimit({ account, isPlatform, recentChanges }: DeployCase): void {
  if (isPlatform || holds(account, PERMISSION.unlimitedDev) || recentChanges < DEPLOYS_PER_DAY) return;
  throw new AppError("rate_limited", `At most ${DEPLOYS_PER_DAY} deploys and deletions in 24 hours.`);
}

function usableImage({ image, request }: DeployCase): Image {
  if (image === undefined) throw new AppError("invalid", `Image ${request.image} does not exist or is not yours.`);
  if (image.status !== BUILT)
    throw new AppError("invalid", `Image ${request.image} is not built yet: ${image.status}.`);
  if (request.public && !image.public) throw new AppError("conflict", "A public chute needs a public image.");
  return image;
}

function checkExisting({ existing, request, version }: DeployCase): void {
  if (existing === undefined) return;
  if (existing.name !== request.name)
    throw new AppError("conflict", `You have a chute ${existing.name}; names that differ only in case are the same.`);
  if (existing.version === version && existing.public === request.public)
    throw new AppError("conflict", `Chute ${request.name} is deployed in this version already: ${version}.`);
}

function checkSelector({ request, facts }: DeployCase): void {
  if (facts.supportedGpus.length === 0) throw new AppError("invalid", "No supported GPU satisfies the node selector.");
  if ((request.nodeSelector.exclude?.length ?? 0) > EXCLUDE_LIMIT)
    throw new AppError("invalid", `A node selector excludes at most ${EXCLUDE_LIMIT} kinds of GPU.`);
}

function checkFee(deploy: DeployCase): bigint {
  const isFree = holds(deploy.account, PERMISSION.freeAccount);
  const fee = deploy.existing !== undefined || isFree ? 0n : deployFeeMicroUsd(deploy.facts);
  if (fee > 0n && !deploy.acceptFee) throw new AppError("payment_required", feeQuote(fee, deploy.facts));
  if (deploy.effectiveBalanceMicroUsd <= fee && !isFree)
    throw new AppError(
      "payment_required",
      `Deploying costs ${dollars(fee)} and needs a balance above that, updates included; yours is ` +
        `${dollars(deploy.effectiveBalanceMicroUsd)}. Send TAO to ${deploy.account.paymentAddress}.`,
    );
  return fee;
}

function feeQuote(fee: bigint, facts: SelectorFacts): string {
  return (
    `Deploying this chute costs ${dollars(fee)} once: three hours at the cheapest matching GPU. Its instances cost ` +
    `$${facts.hourlyUsd.toFixed(2)} to $${facts.dearestHourlyUsd.toFixed(2)} an hour. Deploy again with --accept-fee to agree.`
  );
}

function dollars(microUsd: bigint): string {
  return `$${(Number(microUsd) / 1e6).toFixed(2)}`;
}

/** The hardware of a trusted chute is part of what its users were promised. */
function checkUpdate({ existing, request, facts }: DeployCase): void {
  if (existing === undefined) return;
  if (existing.immutable) throw new AppError("forbidden", "This chute cannot be changed.");
  if (!existing.tee) return;
  if (!request.tee) throw new AppError("invalid", "A TEE chute stays a TEE chute.");
  const isSameHardware =
    existing.gpuCount === request.nodeSelector.gpu_count &&
    existing.supportedGpus.join() === facts.supportedGpus.join();
  if (!isSameHardware) throw new AppError("invalid", "The GPUs of a TEE chute cannot be changed.");
}
