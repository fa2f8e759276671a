import fc from "fast-check";
import { expect } from "vitest";
import { recordProblem } from "../../src/domain/chutes/record-rules.js";
import { toDeployRequest } from "../../src/services/api/routes/chute-deploy-body.js";
import type { Cord } from "../../src/wire/cords.js";
import { DEFAULT_GPU_TABLE } from "../../src/wire/gpu-table.js";
import {
  type AccountApi,
  call,
  type Developer,
  deploy,
  deployBody,
  givenDeveloper,
  givenImage,
  NOW,
} from "../support/account-api.js";
import { test as base } from "../support/account-test.js";

const FREE = 16;
const UNLIMITED_DEV = 128;
const DEVELOPER = 1;

interface Fixtures {
  /** Never charged, owns the built image `my-image:1.0`. */
  alice: Developer;
}

const test = base.extend<Fixtures>({
  alice: async ({ api }, use) => use(await givenAlice(api, FREE)),
});

async function givenAlice(api: AccountApi, permissions: number): Promise<Developer> {
  const alice = await givenDeveloper(api, { username: "alice", permissions });
  await givenImage(api, alice);
  return alice;
}

const cordAt = (path: string, changes: object = {}) => ({ ...(deployBody()["cords"] as Cord[])[0], path, ...changes });
const jobOf = (changes: object = {}) => ({ name: "train", ports: [], ...changes });
const port = (changes: object = {}) => ({ name: "web", port: 8080, proto: "tcp", ...changes });

test("03 §20.2: the refusal of a deploy that was not paid for tells its fee to programs, too", async ({ api }) => {
  const bob = await givenDeveloper(api, { username: "bob", balanceUsd: 0.5 });
  await givenImage(api, bob);
  const asked = await call(api, { url: "/chutes/", body: deployBody(), signer: bob.signer });
  expect(asked.statusCode).toBe(402);
  expect(asked.json()).toEqual({ detail: expect.stringContaining("$0.60"), fee: { usd: 0.6 } });
  const poor = await deploy(api, bob);
  expect(poor.json()).toEqual({ detail: expect.stringContaining("$0.50"), fee: { usd: 0.6 } });
});

test("03 §17.7: an update is free but needs a balance above zero, and says so", async ({ api, db }) => {
  const bob = await givenDeveloper(api, { username: "bob", balanceUsd: 10 });
  await givenImage(api, bob);
  await deploy(api, bob);
  await db.updateTable("users").set({ balance_micro_usd: 0n }).where("user_id", "=", bob.userId).execute();
  const refused = await deploy(api, bob, { code: "x = 1\n" });
  expect(refused.statusCode).toBe(402);
  expect(refused.json()).toEqual({ detail: expect.stringContaining("updates included"), fee: { usd: 0 } });
});

const BROKEN: [what: string, changes: Record<string, unknown>, problem: string][] = [
  ["source that is not Python", { code: "def (" }, "line 1, column 5"],
  ["an unclosed string", { code: 'x = 1\ny = "abc\n' }, "line 2, column 5"],
  ["a misplaced keyword", { code: "return = 1\n" }, "`=`"],
  ["a cord path with a dash", { cords: [cordAt("/do-it")] }, "/do-it"],
  ["a cord path that starts with a digit", { cords: [cordAt("/1x")] }, "/1x"],
  ["a cord path without a slash", { cords: [cordAt("hello")] }, "hello"],
  ["a reserved public path in other letters", { cords: [cordAt("/a", { public_api_path: "/HF_info" })] }, "reserved"],
  ["a bad public path", { cords: [cordAt("/a", { public_api_path: "/a b" })] }, "/a b"],
  ["a public path without method", { cords: [cordAt("/a", { public_api_method: null })] }, "method"],
  ["two cords on one path", { cords: [cordAt("/a"), cordAt("/a")] }, "same path"],
  ["cords of more than 1 MiB", { cords: [cordAt("/a", { input_schema: { x: "y".repeat(2 ** 20) } })] }, "1 MiB"],
  ["101 cords", { cords: Array.from({ length: 101 }, (_, n) => cordAt(`/a_${n}`)) }, "at most 100"],
  ["a port twice", { cords: [], jobs: [jobOf({ ports: [port(), port({ proto: "udp" })] })] }, "port twice"],
  ["a low port", { cords: [], jobs: [jobOf({ ports: [port({ port: 8001 })] })] }, "8001"],
  ["a logo that nobody has", { logo_id: "5e1f5ac4-0000-4000-8000-000000000000" }, "logo"],
  ["a name that ends in a line break", { name: "abc\n" }, "chute name"],
  ["a name of other letters", { name: "éclair" }, "chute name"],
];

test("03 §20.4: each broken rule of a record is a validation failure that names it, and stores nothing", async ({
  start,
}) => {
  const api = await start({ maxBodyBytes: 4_000_000 });
  const alice = await givenAlice(api, FREE);
  for (const [what, changes, problem] of BROKEN) {
    const response = await deploy(api, alice, changes);
    expect(response.statusCode, what).toBe(400);
    expect(response.json().detail, what).toMatch(/^Validation failure: /);
    expect(response.json().detail, what).toContain(problem);
  }
  expect(await api.db.selectFrom("chutes").select("chute_id").execute()).toEqual([]);
});

test("03 §5.1: what is legal at the edges is stored", async ({ api, alice }) => {
  const legal: Record<string, unknown>[] = [
    { name: "a//b" },
    { name: ".x/y" },
    { name: "org/_x" },
    { name: "no-public-path", cords: [cordAt("/A_b", { public_api_path: null, public_api_method: null })] },
    { name: "stream-pair", cords: [cordAt("/a"), cordAt("/b", { stream: true })] },
    { name: "logo-blank", logo_id: "  " },
    { name: "nulls", max_instances: null, scaling_threshold: null, shutdown_after_seconds: null, lock_modules: null },
    { name: "unknown-keys", whatever: { x: 1 } },
    { name: "job", cords: [], jobs: [jobOf({ timeout: null, ports: [port({ port: 2202 }), port({ port: 65_535 })] })] },
    { name: "no-concurrency", concurrency: 0 },
  ];
  for (const changes of legal) {
    const response = await deploy(api, alice, changes);
    expect(response.statusCode, `${JSON.stringify(changes)} → ${response.body}`).toBe(200);
  }
});

test("03 §8: names follow the rule of the chapter, whatever they are made of", () => {
  const rule = /^(?:([a-zA-Z0-9_.-]+)\/)*([a-z0-9][a-z0-9_./-]*)$/i;
  const letters = fc.constantFrom(..."aZ09_.-/ é\n".split(""));
  fc.assert(
    fc.property(fc.string({ unit: letters, minLength: 3, maxLength: 20 }), (name) => {
      const request = toDeployRequest(deployBody({ name }) as never, DEFAULT_GPU_TABLE);
      const problem = recordProblem(request, { maxCords: 100, hasLogo: false });
      expect(problem === undefined).toBe(rule.test(name) && !name.endsWith("\n"));
    }),
  );
});

test("03 §5.2: the operator may keep deploying for developers", async ({ start }) => {
  const api = await start({
    settings: { deploy: { requireDeveloperRole: true } },
  });
  const alice = await givenAlice(api, FREE);
  const refused = await deploy(api, alice);
  expect(refused.statusCode).toBe(401);
  expect(refused.json().detail).toContain("developer role");
  await api.db
    .updateTable("users")
    .set({ permissions_bitmask: FREE | DEVELOPER })
    .execute();
  expect((await deploy(api, alice)).statusCode).toBe(200);
});

test("03 §5.2: scarce GPUs may be among others but not asked for alone", async ({ start }) => {
  const api = await start({ settings: { deploy: { exclusiveGpus: "5090, B200" } } });
  const alice = await givenAlice(api, FREE);
  const asking = (include: string[]) => deploy(api, alice, { node_selector: { gpu_count: 1, include } });
  expect((await asking(["5090"])).statusCode).toBe(403);
  expect((await asking(["b200", "5090"])).statusCode).toBe(403);
  expect((await asking(["5090", "4090"])).statusCode).toBe(200);
  const carol = await givenDeveloper(api, { username: "carol", permissions: FREE | UNLIMITED_DEV });
  await givenImage(api, carol);
  expect((await deploy(api, carol, { node_selector: { gpu_count: 1, include: ["5090"] } })).statusCode).toBe(200);
});

test("03 §5.2: the operator may require trusted hardware, or have none", async ({ start }) => {
  const answers = async (teePolicy: string) => {
    const api = await start({ settings: { deploy: { teePolicy } } });
    const owner = await givenDeveloper(api, { username: teePolicy, permissions: FREE });
    await givenImage(api, owner);
    const without = await deploy(api, owner, { name: "without" });
    const trusted = await deploy(api, owner, { name: "trusted", tee: true });
    return [without.statusCode, trusted.statusCode];
  };
  expect(await answers("required")).toEqual([400, 200]);
  expect(await answers("forbidden")).toEqual([200, 400]);
  expect(await answers("optional")).toEqual([200, 200]);
});

test("03 §5.2: the oldest SDK, the most cords and the deploys of a day are the operator's to set", async ({
  start,
}) => {
  const api = await start({ settings: { deploy: { minSdkVersion: "0.6.11", maxCords: 1, maxPerDay: 2 } } });
  const alice = await givenAlice(api, FREE);
  expect((await deploy(api, alice)).json().detail).toContain("0.6.11");
  await givenImage(api, alice, { chutesVersion: "0.6.11.rc3" });
  expect((await deploy(api, alice, { cords: [cordAt("/a"), cordAt("/b")] })).json().detail).toContain("at most 1");
  expect((await deploy(api, alice)).statusCode).toBe(200);
  api.clock.now = new Date(NOW.getTime() + 1000);
  expect((await deploy(api, alice, { code: "x = 1\n" })).statusCode).toBe(200);
  expect((await deploy(api, alice, { code: "x = 2\n" })).statusCode).toBe(429);
  await api.db
    .insertInto("linked_hotkeys")
    .values({ hotkey: "validator", user_id: alice.userId, role: "validator", linked_at: NOW })
    .execute();
  expect((await deploy(api, alice, { code: "x = 2\n" })).statusCode).toBe(200);
});

test("03 §5.2: rules are met in their order", async ({ start }) => {
  const api = await start({ settings: { deploy: { maxPerDay: 1 } } });
  const bob = await givenDeveloper(api, { username: "bob" });
  const everythingWrong = {
    public: true,
    image: "none:1",
    node_selector: { gpu_count: 1, include: ["3090"], min_vram_gb_per_gpu: 80 },
    standard_template: "vllm",
    filename: "My.py",
  };
  const answers: [change: Record<string, unknown>, repair: () => Promise<unknown>, status: number, detail: string][] = [
    [{}, () => allow(api, bob, 2048), 400, "public"],
    [{}, () => givenImage(api, bob, { chutesVersion: "0.1.0" }), 400, "does not exist"],
    [
      { image: "my-image:1.0" },
      () => givenImage(api, bob, { public: true, chutesVersion: "0.1.0" }),
      409,
      "public image",
    ],
    [{ image: "my-image:1.0" }, async () => undefined, 400, "No supported GPU"],
    [{ image: "my-image:1.0", node_selector: { gpu_count: 1 } }, () => allow(api, bob, 2048 | FREE), 402, "$0.60"],
    [{ image: "my-image:1.0", node_selector: { gpu_count: 1 } }, async () => undefined, 400, "revision"],
    [
      { image: "my-image:1.0", node_selector: { gpu_count: 1 }, revision: "0".repeat(40) },
      () => givenImage(api, bob, { public: true }),
      400,
      "0.3.31",
    ],
    [
      { image: "my-image:1.0", node_selector: { gpu_count: 1 }, revision: "0".repeat(40) },
      async () => undefined,
      400,
      "My.py",
    ],
  ];
  for (const [change, repair, status, detail] of answers) {
    const response = await deploy(api, bob, { ...everythingWrong, ...change });
    expect([response.statusCode, response.json().detail]).toEqual([status, expect.stringContaining(detail)]);
    await repair();
  }
});

async function allow(api: AccountApi, { userId }: Developer, permissions: number): Promise<void> {
  await api.db.updateTable("users").set({ permissions_bitmask: permissions }).where("user_id", "=", userId).execute();
}

test("03 §4: names of one slug get slugs of their own, of at most 63 characters", async ({ api, alice }) => {
  const long = "a".repeat(80);
  const names = ["x.y", "x_y", "x-y", `${long}1`, `${long}2`, `${long}3`];
  const slugs: string[] = [];
  for (const name of names) slugs.push((await deploy(api, alice, { name })).json().slug);
  expect(new Set(slugs).size).toBe(names.length);
  for (const slug of slugs) expect(slug).toMatch(/^[a-z0-9-]{1,63}$/);
  expect(slugs[4]).toMatch(new RegExp(`^${slugs[3]?.slice(0, 57)}-[a-z0-9]{5}$`));
});
