import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { type Miner, type MinerOptions, startMiner } from "../../../src/miner/agent.js";
import { createEchoEngine } from "../../../src/miner/engines/echo.js";
import { simulatedGpus } from "../../../src/miner/gpus.js";
import { TEMPLATE_CORDS } from "../../../src/wire/cords.js";
import { validatorHeaders } from "../../../src/wire/headers.js";
import { initCrypto, keypairFromSeed } from "../../../src/wire/keypair.js";
import { type FakeInstance, FakeValidator } from "../../fakes/validator.js";
import { test as base } from "../../support/fixtures.js";
import { InstanceCaller, MINER_SEED, VALIDATOR_SEED } from "./instance-caller.js";

const CORDS = TEMPLATE_CORDS.vllm;
const WAIT = { timeout: 8000, interval: 20 };

interface Fixtures {
  validator: FakeValidator;
  /** Starts a miner that is closed after the test. */
  mine: (options?: Partial<MinerOptions>) => Promise<Miner>;
}

const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured first argument
  validator: async ({}, use) => {
    await initCrypto();
    const validator = new FakeValidator();
    await validator.start();
    await use(validator);
    await validator.close();
  },
  mine: async ({ validator, log }, use) => {
    const keypair = keypairFromSeed(MINER_SEED);
    const started: Miner[] = [];
    await use(async (options = {}) => {
      const miner = await startMiner({
        api: validator.url,
        socket: validator.url.replace("http://", "ws://socket."),
        validatorHotkey: keypairFromSeed(VALIDATOR_SEED).address,
        keypair,
        gpus: simulatedGpus({ owner: keypair.address, model: "4090", count: 2 }),
        host: "127.0.0.1",
        engineFor: ({ name }) => createEchoEngine({ model: name, now: () => new Date() }),
        reconcileMs: 60_000,
        firstWaitMs: 50,
        drainMs: 100,
        log,
        now: () => new Date(),
        signal: new AbortController().signal,
        ...options,
      });
      started.push(miner);
      return miner;
    });
    await Promise.all(started.map((miner) => miner.close()));
  },
});

function callerOf({ port, transport }: FakeInstance): Promise<InstanceCaller> {
  const { tls, sessionKeyHex = "" } = transport;
  return InstanceCaller.open({
    port,
    tls: {
      caCertPem: tls?.caPem ?? "",
      ...(tls?.clientCertPem && { clientCertPem: tls.clientCertPem, clientKeyPem: tls.clientKeyPem ?? "" }),
    },
    commonName: tls?.commonName ?? "",
    key: Buffer.from(sessionKeyHex, "hex"),
  });
}

async function chat(instance: FakeInstance, model: string): Promise<string> {
  const caller = await callerOf(instance);
  try {
    const answer = await caller.call("/chat", {
      json: { model, messages: [{ role: "user", content: "hello there" }] },
      params: {},
    });
    return JSON.parse(caller.open(JSON.parse(answer.text).json)).choices[0].message.content;
  } finally {
    caller.close();
  }
}

const active = (validator: FakeValidator) => validator.activeInstances().map(({ chuteId }) => chuteId);
const event = (reason: string, data: Record<string, unknown>) => ({ reason, data });

test("a miner registers its GPUs, learns a chute from its event and serves it", async ({ validator, mine }) => {
  const miner = await mine();
  await expect.poll(() => miner.status(), WAIT).toMatchObject({ isRegistered: true, isAuthenticated: true });
  expect(validator.nodes.size).toBe(2);
  const chute = validator.addChute({ name: "demo/new", cords: CORDS });
  validator.broadcast(event("chute_created", { chute_id: chute.chute_id, version: chute.version, job_only: false }));
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  const [instance] = validator.activeInstances();
  if (instance === undefined) throw new Error("no instance");
  expect(await chat(instance, "demo/new")).toBe("hello there");
  await expect
    .poll(() => miner.status().instances, WAIT)
    .toMatchObject([{ name: "demo/new", state: "serving", instanceId: instance.instanceId, port: instance.port }]);
  expect(miner.status().gpus).toEqual({ total: 2, busy: 1 });
  expect(validator.faults).toEqual([]);
});

test("chutes that it finds in the list are deployed, as far as GPUs and runtime allow", async ({ validator, mine }) => {
  const small = validator.addChute({ name: "small", cords: CORDS });
  validator.addChute({ name: "cheap", cords: CORDS, effective_compute_multiplier: 0.1 });
  const dear = validator.addChute({ name: "dear", cords: CORDS, effective_compute_multiplier: 9 });
  for (const odd of [
    { chutes_version: "0.4.9" },
    { tee: true },
    { cords: [] },
    { supported_gpus: ["b200"] },
    { node_selector: { gpu_count: 8 } },
  ]) {
    validator.addChute({ name: "odd", cords: CORDS, effective_compute_multiplier: 99, ...odd });
  }
  const miner = await mine();
  await expect.poll(() => miner.status().gpus.busy, WAIT).toBe(2);
  await expect.poll(() => active(validator).sort(), WAIT).toEqual([small.chute_id, dear.chute_id].sort());
});

test("a chute at capacity is asked for again until it is granted", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "full", cords: CORDS });
  validator.refuse("GET /instances/launch_config", 423, 409, 404);
  await mine();
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  expect(validator.requests.filter((request) => request === "GET /instances/launch_config")).toHaveLength(4);
});

test("a launch that dies half way leaves nothing at the platform and is tried again", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "unlucky", cords: CORDS });
  const deleted = () => validator.requests.filter((request) => request.startsWith("DELETE /instances/"));
  let broken = 0;
  const { addLaunch } = validator;
  validator.addLaunch = (chuteId) => {
    const launch = addLaunch.call(validator, chuteId);
    if (broken++ === 0) validator.refuse(`PUT /instances/launch_config/${launch.config_id}/graval`, 500);
    return launch;
  };
  await mine({ firstWaitMs: 200 });
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  expect(deleted()).toHaveLength(1);
  expect(validator.instances.size).toBe(1);
});

test("an instance the platform deleted stops listening and frees its GPU", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "gone", cords: CORDS });
  const miner = await mine();
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  const [instance] = validator.activeInstances();
  if (instance === undefined) throw new Error("no instance");
  validator.instances.clear();
  validator.chutes.clear();
  const { instanceId: instance_id, chuteId: chute_id, configId: config_id } = instance;
  validator.broadcast(event("instance_deleted", { chute_id, instance_id, config_id, miner_hotkey: "me" }));
  await expect.poll(() => miner.status().gpus.busy, WAIT).toBe(0);
  await expect
    .poll(
      () =>
        callerOf(instance).then(
          () => "open",
          () => "closed",
        ),
      WAIT,
    )
    .toBe("closed");
});

test("a deleted chute is stopped, another version's deletion is not", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "short", cords: CORDS });
  const miner = await mine();
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  const { chute_id, version } = chute;
  validator.broadcast(event("chute_deleted", { chute_id, version: "another" }));
  validator.broadcast(event("chute_deleted", { chute_id: "another", version }));
  await delay(100);
  expect(miner.status().gpus.busy).toBe(1);
  validator.broadcast(event("chute_deleted", { chute_id, version }));
  await expect.poll(() => miner.status().gpus.busy, WAIT).toBe(0);
});

test("a rolling update replaces the instance by one of the new version", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "rolling", cords: CORDS });
  const miner = await mine();
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  const [old] = validator.activeInstances();
  const old_version = chute.version;
  chute.version = "second";
  const ids = { chute_id: chute.chute_id, instance_id: old?.instanceId, miner_hotkey: "me" };
  validator.broadcast(event("rolling_update", { ...ids, old_version, new_version: "second", reason: "update" }));
  await expect.poll(() => validator.instances.has(old?.instanceId ?? ""), WAIT).toBe(false);
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  await expect.poll(() => miner.status().instances[0]?.state, WAIT).toBe("serving");
});

test("a bounty makes it try again at once", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "bounty", cords: CORDS });
  validator.refuse("GET /instances/launch_config", 423);
  await mine({ firstWaitMs: 60_000 });
  await expect.poll(() => validator.requests.includes("GET /instances/launch_config"), WAIT).toBe(true);
  expect(active(validator)).toEqual([]);
  await expect
    .poll(() => {
      validator.broadcast(event("bounty_change", { chute_id: chute.chute_id, bounty: 100 }));
      return active(validator);
    }, WAIT)
    .toEqual([chute.chute_id]);
});

test("odd messages and unknown reasons change nothing", async ({ validator, mine }) => {
  const miner = await mine();
  // One pass at the start and one for the socket: after both, only events tell of chutes.
  const passes = () => validator.requests.filter((request) => request === "GET /miner/chutes/").length;
  await expect.poll(passes, WAIT).toBe(2);
  const odd = [null, 5, "text", [], {}, { reason: 1 }, event("constructor", {}), event("chute_created", {})];
  for (const message of [...odd, { reason: "chute_created", data: [] }, event("job_created", { job_id: "j" })]) {
    validator.broadcast(message);
  }
  const chute = validator.addChute({ name: "after", cords: CORDS });
  validator.broadcast(event("chute_created", { chute_id: chute.chute_id, version: "nothing like it" }));
  validator.broadcast(event("chute_created", { chute_id: chute.chute_id, version: chute.version, job_only: true }));
  await delay(100);
  expect(miner.status().gpus.busy).toBe(0);
  validator.broadcast(event("chute_created", { chute_id: chute.chute_id, version: chute.version }));
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
});

test("it comes back after the platform was killed, and keeps serving meanwhile", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "steady", cords: CORDS });
  await mine();
  await expect.poll(() => active(validator), WAIT).toEqual([chute.chute_id]);
  const [instance] = validator.activeInstances();
  if (instance === undefined) throw new Error("no instance");
  await validator.stop();
  expect(await chat(instance, "steady")).toBe("hello there");
  await validator.start();
  await expect.poll(() => validator.sessions, WAIT).toBe(1);
  expect(validator.activeInstances()).toEqual([instance]);
});

test("a platform that is not there yet is found once it is", async ({ validator, mine }) => {
  await validator.stop();
  const miner = await mine();
  await expect.poll(() => miner.status().problem, WAIT).toContain("cannot be reached");
  await validator.start();
  await expect
    .poll(() => miner.status(), WAIT)
    .toMatchObject({ isAuthenticated: true, isRegistered: true, problem: undefined });
});

test("a miner that is refused says so, and is let in once it is registered", async ({ validator, mine }) => {
  validator.isMinerRegistered = false;
  const miner = await mine();
  await expect.poll(() => miner.status().problem, WAIT).toContain("not registered");
  validator.isMinerRegistered = true;
  await expect.poll(() => validator.sessions, WAIT).toBe(1);
  await expect.poll(() => miner.status().problem, WAIT).toBeUndefined();
});

test("after a kill its stale instances are deleted before anything is deployed", async ({ validator, mine }) => {
  const chute = validator.addChute({ name: "again", cords: CORDS });
  const stale: FakeInstance = {
    instanceId: "stale",
    chuteId: chute.chute_id,
    configId: "old",
    host: "127.0.0.1",
    port: 1,
    transport: {},
    isVerified: true,
    isActive: true,
  };
  validator.instances.set("stale", stale);
  const keypair = keypairFromSeed(MINER_SEED);
  const [first, second] = simulatedGpus({ owner: keypair.address, model: "4090", count: 2 });
  validator.nodes.set(first?.uuid ?? "", "2025-10-09T08:53:20.000000+00:00");
  validator.nodes.set(second?.uuid ?? "", null);
  await mine();
  await expect
    .poll(() => validator.activeInstances().some(({ instanceId }) => instanceId !== "stale"), WAIT)
    .toBe(true);
  const order = validator.requests.filter((request) => /launch_config$|^DELETE|^POST .nodes/.test(request));
  expect(order).toEqual([
    `DELETE /nodes/${second?.uuid}`,
    "POST /nodes/",
    `DELETE /instances/${chute.chute_id}/stale`,
    "GET /instances/launch_config",
  ]);
});

test("instances the platform forgot and old versions are retired by reconciliation", async ({ validator, mine }) => {
  const lost = validator.addChute({ name: "lost", cords: CORDS });
  const updated = validator.addChute({ name: "updated", cords: CORDS });
  await mine({ reconcileMs: 100 });
  await expect.poll(() => active(validator).sort(), WAIT).toEqual([lost.chute_id, updated.chute_id].sort());
  const before = new Set(validator.instances.keys());
  for (const instance of validator.activeInstances()) {
    if (instance.chuteId === lost.chute_id) validator.instances.delete(instance.instanceId);
  }
  validator.rollingUpdates = [updated.chute_id];
  updated.version = "second";
  const fresh = () => validator.activeInstances().filter(({ instanceId }) => !before.has(instanceId));
  await expect.poll(() => fresh().map(({ chuteId }) => chuteId), WAIT).toEqual([lost.chute_id]);
  validator.rollingUpdates = [];
  await expect.poll(() => fresh().map(({ chuteId }) => chuteId), WAIT).toEqual([lost.chute_id, updated.chute_id]);
  expect(validator.instances.size).toBe(2);
});

test("closing deletes its instances at the platform and stops listening", async ({ validator, mine }) => {
  validator.addChute({ name: "bye", cords: CORDS });
  const miner = await mine();
  await expect.poll(() => validator.activeInstances().length, WAIT).toBe(1);
  const [instance] = validator.activeInstances();
  if (instance === undefined) throw new Error("no instance");
  await miner.close();
  expect(validator.instances.size).toBe(0);
  await expect(callerOf(instance)).rejects.toThrow();
  await expect.poll(() => validator.sessions, WAIT).toBe(0);
});

test("closing does not wait for a platform that is gone", async ({ validator, mine }) => {
  validator.addChute({ name: "bye", cords: CORDS });
  const miner = await mine();
  await expect.poll(() => validator.activeInstances().length, WAIT).toBe(1);
  await validator.stop();
  const before = performance.now();
  await miner.close();
  expect(performance.now() - before).toBeLessThan(6000);
});

test("the log port lists and reads what the instance wrote, for the validator alone", async ({ validator, mine }) => {
  validator.addChute({ name: "logs", cords: CORDS });
  const from = 20_000 + (process.pid % 20_000);
  await mine({ ports: { from, to: from + 3 } });
  await expect.poll(() => validator.activeInstances().length, WAIT).toBe(1);
  const [instance] = validator.activeInstances();
  expect(instance?.port).toBe(from);
  const headers = () =>
    validatorHeaders(
      keypairFromSeed(VALIDATOR_SEED),
      { miner: keypairFromSeed(MINER_SEED).address, purpose: "chutes" },
      new Date(),
    );
  const read = (path: string, options = {}) => fetch(`http://127.0.0.1:${from + 1}${path}`, options);
  expect(await (await read("/logs", { headers: headers() })).text()).toContain("/tmp/_chute.log");
  expect(await (await read("/logs/read/current?lines=1", { headers: headers() })).text()).toMatch(/ active$/);
  const stopped = new AbortController();
  const stream = await read("/logs/stream?backfill=2", { headers: headers(), signal: stopped.signal });
  const chunk = await stream.body?.getReader().read();
  expect(Buffer.from(chunk?.value ?? []).toString()).toMatch(/^data: \{"log":".*serving"\}\n\n/);
  stopped.abort();
  const statuses = await Promise.all([
    read("/logs"),
    read("/_alive"),
    read("/logs/stream?backfill=10001", { headers: headers() }),
    read("/else", { headers: headers() }),
  ]);
  expect(statuses.map(({ status }) => status)).toEqual([401, 200, 400, 404]);
});
