import type { Static } from "typebox";
import type { LaunchChute } from "../../../domain/instances/launch-chute.js";
import {
  failLaunch,
  type Launch,
  type LaunchedInstance,
  launchChute,
  markVerified,
} from "../../../domain/instances/launch-repository.js";
import { launchState, stepFrom } from "../../../domain/instances/launch-state.js";
import { AppError } from "../../../kernel/errors.js";
import { aesCbcDecrypt, launchProofText } from "../../../wire/legacy-cipher.js";
import { offsetIso } from "../../../wire/timestamps.js";
import { compareVersions } from "../../../wire/versions.js";
import { chuteSecrets } from "./chute-secrets.js";
import { isWorkDone, proofWindowMs } from "./key-hand-over.js";
import type { VerifyBody } from "./launch-bodies.js";
import type { LaunchDeps } from "./launch-deps.js";
import { launchUrl } from "./launch-token.js";

type Proof = Static<typeof VerifyBody>;

/** Containers from here on get their source now, and fail without these keys. @see protocol 05 §6.5 */
const CODE_SINCE = "0.3.61";

/**
 * Checks that the container could read its key and did its GPUs' work in time; a container that did not is deleted.
 * @returns what the container needs to start up, in its wire form
 * @throws AppError: the wire's answers of protocol 05 §6.5
 */
export async function verifyLaunch(deps: LaunchDeps, launch: Launch, proof: Proof): Promise<Record<string, unknown>> {
  const { config, db, now, log } = deps;
  stepFrom(launchState(launch), "verify");
  const { configId, instance } = launch;
  const at = now();
  if (instance === undefined)
    return refuse(deps, configId, new AppError("not_found", "The instance of this launch config is gone"));
  const problem = proofProblem(deps, { launch, instance, proof, at });
  if (problem !== undefined) return refuse(deps, configId, new AppError("forbidden", problem));
  // Read before the step is taken: what fails here can be asked for again.
  const [secrets, chute] = await Promise.all([chuteSecrets(deps, launch.chuteId), launchChute(db, launch.chuteId)]);
  if (!(await markVerified(db, configId, at))) stepFrom("verified", "verify");
  log.info({ configId, instanceId: instance.instanceId }, "instance verified");
  return {
    chute_id: launch.chuteId,
    instance_id: instance.instanceId,
    verified_at: offsetIso(at),
    activation_url: `${launchUrl(config, configId)}/activate`,
    secrets: { ...secrets, PYTHONDONTWRITEBYTECODE: "1" },
    ...codeFor(chute),
  };
}

interface ProofCheck {
  readonly launch: Launch;
  readonly instance: LaunchedInstance;
  readonly proof: Proof;
  readonly at: Date;
}

function proofProblem({ gpuTable }: LaunchDeps, { launch, instance, proof, at }: ProofCheck): string | undefined {
  const { configId, seed, retrievedAt } = launch;
  const gpus = { uuids: instance.gpuUuids, model: instance.gpuModel };
  if (at.getTime() - (retrievedAt?.getTime() ?? 0) >= proofWindowMs(gpuTable, gpus)) {
    return "GPU proof took too long";
  }
  if (decryptedResponse(instance, proof) !== launchProofText(configId, seed)) {
    return "the response does not prove possession of the instance key";
  }
  return isWorkDone(gpuTable, gpus, { seed, proof: proof.proof }) ? undefined : "GPU work product is invalid";
}

function decryptedResponse({ symmetricKeyHex }: LaunchedInstance, { response, iv }: Proof): string | undefined {
  const data = Buffer.from(response, "base64");
  const key = Buffer.from(symmetricKeyHex, "hex");
  return aesCbcDecrypt({ key, iv: Buffer.from(iv, "hex"), data })?.toString("utf8");
}

async function refuse({ db, now, log }: LaunchDeps, configId: string, error: AppError): Promise<never> {
  log.info({ configId, reason: error.message }, "launch verification failed");
  await failLaunch(db, { configId, reason: error.message, now: now() });
  throw error;
}

/** An empty `fs_key` skips the closed secure file system. @see protocol 05 §6.9 */
function codeFor(chute: LaunchChute | undefined): { code?: string; fs_key?: string } {
  if (chute === undefined || compareVersions(chute.chutesVersion, CODE_SINCE) < 0) return {};
  return { code: chute.code, fs_key: "" };
}
