import type { Running } from "../../src/kernel/lifecycle.js";
import { test as base } from "./fixtures.js";
import {
  type GatewayApi,
  type GatewayOptions,
  type GivenCaller,
  type GivenChute,
  type GivenInstance,
  givenCaller,
  givenInstance,
  startGateway,
} from "./gateway-api.js";

/** Starts gateways and instances, and closes them before the test's database goes. */
export interface World {
  gateway(options?: Partial<GatewayOptions>): Promise<GatewayApi>;
  instance(
    api: GatewayApi,
    chute: GivenChute,
    behave: Parameters<typeof givenInstance>[2]["behave"],
  ): Promise<GivenInstance>;
  /** Closes with the rest. */
  use<T extends Running>(running: T): T;
}

interface Fixtures {
  world: World;
  /** A gateway with default settings. */
  api: GatewayApi;
  /** The platform's own account. */
  owner: GivenCaller;
}

export const test = base.extend<Fixtures>({
  world: async ({ db, log }, use) => {
    const opened: Running[] = [];
    const keep = <T extends Running>(running: T): T => {
      opened.push(running);
      return running;
    };
    await use({
      gateway: async (options) => keep(await startGateway({ db, log, ...options })),
      instance: async (api, chute, behave) => keep(await givenInstance(api, chute, { behave })),
      use: keep,
    });
    for (const running of opened.reverse()) await running.close();
  },
  api: async ({ world }, use) => use(await world.gateway()),
  owner: async ({ db }, use) => use(await givenCaller(db, { username: "chutes" })),
});
