import { expect } from "vitest";
import type { Db } from "../../src/infra/postgres/client.js";
import type { Keypair } from "../../src/wire/keypair.js";
import { FakeContainer } from "../fakes/container.js";
import type { Answer, MinerApi } from "./miner-api.js";
import { type ChuteSettings, givenChute, givenGpu } from "./miner-builders.js";

export const CHUTE = "11111111-1111-5111-8111-111111111111";
export const GPU = "0123456789abcdef0123456789abcdef";

/** Asks for a launch of a chute. */
export function askForLaunch(api: MinerApi, signer: Keypair, chuteId = CHUTE): Promise<Answer> {
  return api.call("GET", `/instances/launch_config?chute_id=${chuteId}`, { signer, purpose: "launch" });
}

export interface LaunchSettings {
  readonly api: MinerApi;
  readonly db: Db;
  readonly miner: Keypair;
  /** Key of the GPU table that chute and GPU share; default h100_sxm. */
  readonly model?: string;
  readonly chute?: Partial<ChuteSettings>;
}

/** A container with a fresh token: one chute, one GPU of the miner that fits it. */
export async function launched({ api, db, miner, model = "h100_sxm", chute }: LaunchSettings): Promise<FakeContainer> {
  await givenChute(db, { chuteId: CHUTE, nodeSelector: { gpu_count: 1, include: [model] }, ...chute });
  await givenGpu(db, { uuid: GPU, hotkey: miner.address, model });
  return containerFor(api, await askForLaunch(api, miner), { gpus: [GPU], port: 31_000 });
}

/** The container that a granted launch starts. */
export function containerFor(
  api: MinerApi,
  answer: Answer,
  where: { readonly gpus: readonly string[]; readonly port: number },
): FakeContainer {
  expect(answer).toMatchObject({ status: 200 });
  const { token } = answer.json as { token: string };
  return new FakeContainer({ baseUrl: api.url, token, ...where });
}

/** A container that has claimed, and where asked has been verified or activated. */
export async function launchedUntil(
  step: "claimed" | "verified" | "active",
  settings: LaunchSettings,
): Promise<FakeContainer> {
  const container = await launched(settings);
  if ((await container.nonce()).status !== 200) expect(settings.chute?.chutesVersion).toBeDefined();
  expect(await container.claim()).toMatchObject({ status: 200 });
  if (step === "claimed") return container;
  expect(await container.verify()).toMatchObject({ status: 200 });
  if (step === "verified") return container;
  expect(await container.activate()).toMatchObject({ status: 200 });
  return container;
}
