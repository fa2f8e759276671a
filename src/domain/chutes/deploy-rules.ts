import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";
import { compareVersions } from "../../wire/versions.js";
import { type Account, holds, PERMISSION } from "../accounts/account.js";
import { BUILT, type Image } from "../images/image.js";
import type { DeployRequest } from "./deploy-request.js";
import { deployFeeMicroUsd, type SelectorFacts } from "./pricing.js";
import { recordProblem } from "./record-rules.js";

const EXCLUDE_LIMIT = 5;

/** What the operator decides about deploys. */
export type DeployPolicy = Config["deploy"] & Pick<Config["accounts"], "developerDepositUsd">;

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
  readonly policy: DeployPolicy;
  readonly account: Account;
  readonly isPlatform: boolean;
  /** The account is linked to a validator's or the subnet owner's hotkey. */
  readonly isLinked: boolean;
  readonly recentChanges: number;
  readonly request: DeployRequest;
  readonly image: Image | undefined;
  readonly version: string;
  readonly existing: DeployedChute | undefined;
  readonly facts: SelectorFacts;
  readonly effectiveBalanceMicroUsd: bigint;
  readonly acceptFee: boolean;
  readonly hasLogo: boolean;
}

/** A deploy that was not paid for, and what it costs. @see protocol 03 §5.3 */
export class UnpaidDeploy extends AppError {
  readonly feeMicroUsd: bigint;

  constructor(message: string, feeMicroUsd: bigint) {
    super("payment_required", message);
    this.feeMicroUsd = feeMicroUsd;
  }
}

/**
 * Applies the rules of a deploy in the order in which developers meet them.
 * @returns the image, and the fee in micro-USD
 * @throws AppError of the first rule that is broken
 * @see protocol 03 §5.2
 */
export function checkDeploy(deploy: DeployCase): { image: Image; feeMicroUsd: bigint } {
  const { policy, request } = deploy;
  checkRole(deploy);
  checkDailyLimit(deploy);
  if (request.public && !holds(deploy.account, PERMISSION.publicModelDeployment))
    throw new AppError("invalid", "This account may not deploy public chutes.");
  const image = usableImage(deploy);
  checkExisting(deploy);
  checkSelector(deploy);
  const feeMicroUsd = checkFee(deploy);
  checkExclusiveGpus(deploy);
  if (request.standardTemplate === "vllm" && request.revision === null)
    throw new AppError("invalid", "Chutes of the vllm template need a revision: 40 hex digits.");
  if (image.chutesVersion === null || compareVersions(image.chutesVersion, policy.minSdkVersion) < 0)
    throw new AppError("invalid", `The image needs chutes ${policy.minSdkVersion} or newer; rebuild it.`);
  checkTee(deploy);
  checkUpdate(deploy);
  const problem = recordProblem(request, { maxCords: policy.maxCords, hasLogo: deploy.hasLogo });
  if (problem !== undefined) throw new AppError("invalid", `Validation failure: ${problem}`);
  return { image, feeMicroUsd };
}

function checkRole({ policy, account, isPlatform }: DeployCase): void {
  if (!policy.requireDeveloperRole || isPlatform || holds(account, PERMISSION.developer)) return;
  const isSold = policy.developerDepositUsd > 0 && account.developerPaymentAddress !== undefined;
  const how = isSold
    ? `deposit $${policy.developerDepositUsd} in TAO at ${account.developerPaymentAddress} to get it`
    : "ask the operator of this platform for it";
  throw new AppError("unauthorized", `Deploying needs the developer role: ${how}.`);
}

function checkDailyLimit({ policy, account, isPlatform, isLinked, recentChanges }: DeployCase): void {
  const { maxPerDay } = policy;
  if (maxPerDay === 0 || isPlatform || isLinked || holds(account, PERMISSION.unlimitedDev)) return;
  if (recentChanges >= maxPerDay)
    throw new AppError("rate_limited", `At most ${maxPerDay} deploys and deletions in 24 hours.`);
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
  if (fee > 0n && !deploy.acceptFee) throw new UnpaidDeploy(feeQuote(fee, deploy.facts), fee);
  if (deploy.effectiveBalanceMicroUsd <= fee && !isFree)
    throw new UnpaidDeploy(
      `Deploying costs ${dollars(fee)} and needs a balance above that, updates included; yours is ` +
        `${dollars(deploy.effectiveBalanceMicroUsd)}. Send TAO to ${deploy.account.paymentAddress}.`,
      fee,
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

/** Scarce GPUs may be among others, for all but the privileged. @see protocol 03 §5.2 (10), §17.5 */
function checkExclusiveGpus({ policy, account, isPlatform, facts }: DeployCase): void {
  if (isPlatform || holds(account, PERMISSION.unlimitedDev)) return;
  const scarce = new Set(policy.exclusiveGpus.toLowerCase().split(/[\s,]+/));
  if (facts.supportedGpus.some((gpu) => !scarce.has(gpu))) return;
  throw new AppError(
    "forbidden",
    `Allow other GPUs than ${facts.supportedGpus.join(", ")}: this account may not ask for them alone.`,
  );
}

function checkTee({ policy, request }: DeployCase): void {
  if (policy.teePolicy === "required" && !request.tee)
    throw new AppError("invalid", "This platform runs chutes in trusted hardware only: set tee.");
  if (policy.teePolicy === "forbidden" && request.tee)
    throw new AppError("invalid", "This platform has no trusted hardware: unset tee.");
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
