import { expect } from "vitest";
import {
  type AccountApi,
  ADDRESS_B,
  call,
  type Developer,
  deploy,
  givenDeveloper,
  givenImage,
} from "../support/account-api.js";
import { test } from "../support/account-test.js";

const FREE_AND_UNLIMITED = (1 << 4) | (1 << 7);
const CHUTES = 1000;
/** Deploys of one account wait for each other. */
const DEVELOPERS = 4;
const COLUMNS =
  `chute_id user_id name tagline readme tool_description image_id logo_id public standard_template cords jobs node_selector
  slug code filename ref_str version concurrency boost chutes_version revision openrouter discount max_instances scaling_threshold
  shutdown_after_seconds invocation_count created_at updated_at allow_external_egress encrypted_fs tee lock_modules immutable
  disabled supported_gpus preemptible image effective_compute_multiplier`.split(/\s+/);

interface Announced {
  readonly reason: string;
  readonly data: { readonly chute_id: string; readonly version: string };
}

/** Takes what is committed at this moment, as the relay does. */
async function takeAnnouncements(api: AccountApi): Promise<Announced["data"][]> {
  const rows = await api.db.deleteFrom("outbox").returning(["channel", "payload"]).execute();
  const events = rows
    .filter(({ channel }) => channel === "miner_broadcast")
    .map(({ payload }) => payload as unknown as Announced);
  return events.filter(({ reason }) => reason === "chute_created").map(({ data }) => data);
}

test("03 §20.13: whoever hears of a new chute gets it at the first try, with every column and its worth", async ({
  api,
}) => {
  const developers: Developer[] = [];
  for (let index = 0; index < DEVELOPERS; index += 1) {
    const developer = await givenDeveloper(api, { username: `dev-${index}`, permissions: FREE_AND_UNLIMITED });
    await givenImage(api, developer);
    developers.push(developer);
  }
  const { signer } = developers[0] as Developer;
  const miner = {
    netuid: api.config.netuid,
    hotkey: signer.address,
    coldkey: ADDRESS_B,
    checksum: "x",
    node_id: 1,
  };
  await api.db
    .insertInto("metagraph_nodes")
    .values({ ...miner, synced_at: api.clock.now })
    .execute();
  let isDeploying = true;
  const deployAll = async (developer: Developer) => {
    for (let index = 0; index < CHUTES / DEVELOPERS; index += 1) {
      const image = `${developer.username}/my-image:1.0`;
      const { statusCode } = await deploy(api, developer, { name: `chute-${index}`, image });
      expect(statusCode).toBe(200);
    }
  };
  const deploying = Promise.all(developers.map(deployAll)).finally(() => {
    isDeploying = false;
  });
  const fetched: Record<string, unknown>[] = [];
  for (let isLast = false; !isLast; ) {
    isLast = !isDeploying;
    for (const { chute_id, version } of await takeAnnouncements(api)) {
      const url = `/miner/chutes/${chute_id}/${version}`;
      const response = await call(api, { url, signer, purpose: "miner" });
      expect(response.statusCode).toBe(200);
      fetched.push(response.json());
    }
  }
  await deploying;
  expect(fetched).toHaveLength(CHUTES);
  for (const chute of fetched) {
    expect(Object.keys(chute)).toEqual(expect.arrayContaining(COLUMNS));
    expect(chute["effective_compute_multiplier"]).toBeGreaterThan(0);
  }
}, 120_000);
