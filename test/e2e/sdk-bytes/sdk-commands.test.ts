import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerBuiltImage } from "../../../src/domain/images/image-repository.js";
import { deployDemo } from "../../../src/local/demo.js";
import { DEMO_CHUTE } from "../../../src/local/seed.js";
import { chuteIdOf, imageIdOf } from "../../../src/wire/ids.js";
import { build } from "../../support/binary.js";
import { type SdkPlatform, startSdkPlatform } from "../../support/sdk-platform.js";
import {
  type Exchange,
  get,
  keysCreateAdmin,
  keysCreateScoped,
  keysList,
  link,
  loginNonce,
  loginPage,
  ping,
  refinger,
  register,
  remove,
  secretsCreate,
  secretsList,
  transferBalance,
} from "./account-commands.js";
import { compactJson, requestBytes } from "./aiohttp.js";
import {
  type App,
  callCord,
  chutesList,
  deploy,
  imageOf,
  imagesList,
  instanceLogs,
  mayDeployPublicly,
  report,
  share,
  startupLogs,
  uploadLogo,
  warmupPoll,
  warmupStream,
} from "./chute-commands.js";
import { printedError, success } from "./reading.js";
import { byBody, type SdkUser, sdkUser } from "./sdk.js";
import { type Answer, exchange, exchangeUntil } from "./socket.js";

/** The steps build on each other, as a developer's first day does. Without a Redis on this machine there is no platform. */
let platform: SdkPlatform | undefined;
let alice: SdkUser;
let bob: SdkUser;

const COLDKEY = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const APP: App = {
  name: "org/my-chute",
  image: { name: "my-image", tag: "1.0" },
  code: "from chutes.chute import Chute\n\nchute = Chute(username='alice_01', name='org/my-chute')  # ü\n",
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEUlEQVR4nGP4z8AARGDiPwMAHfAD/aAzCYkAAAAASUVORK5CYII=",
  "base64",
);

beforeAll(async () => {
  build();
  platform = await startSdkPlatform();
}, 240_000);

afterAll(async () => {
  await platform?.close();
}, 60_000);

function running(): SdkPlatform {
  if (platform === undefined) throw new Error("no platform");
  return platform;
}

function send(me: SdkUser, { request }: Exchange<unknown>): Promise<Answer> {
  const { place } = running();
  return exchange(place, requestBytes(request(me), `localhost:${place.port}`));
}

/** Sends the command's bytes; gives what the client reads. */
async function run<Reading>(me: SdkUser, command: Exchange<Reading>): Promise<Reading> {
  return command.read(await send(me, command));
}

/** Sends the command's bytes; gives the status and the sentence that the client prints. */
async function failing(me: SdkUser, command: Exchange<unknown>): Promise<{ status: number; detail: unknown }> {
  return printedError(await send(me, command));
}

const refusal = (status: number, words: string) => ({ status, detail: expect.stringContaining(words) });

/** The operator's account, which may deploy publicly and administer balances. */
const operator = () => sdkUser(running().config.platformUsername, running().platformSeed);

async function credit(user: SdkUser, amount: number): Promise<void> {
  const body = compactJson({ user_id: user.userId, amount, reason: "test" });
  const give = { request: () => byBody(operator(), "/users/admin_balance_change", { body }), read: success };
  await run(operator(), give);
}

const STEP_TIMEOUT_MS = 90_000;

function step(title: string, body: () => Promise<void>): void {
  test(
    `01 §23.23, 03 §20.9: ${title}`,
    async ({ skip }) => {
      if (platform === undefined) return skip("no redis-server or valkey-server on this machine");
      await body();
    },
    STEP_TIMEOUT_MS,
  );
}

step("`chutes register` asks for life, registers with its fixed token and reads four texts", async () => {
  const newcomer = sdkUser("alice_01", randomBytes(32).toString("hex"));
  expect(await run(newcomer, ping)).toEqual({ message: "pong" });
  const registered = await run(newcomer, register(COLDKEY));
  expect(registered).toMatchObject({ username: "alice_01", hotkey: newcomer.address });
  alice = { ...newcomer, userId: String(registered["user_id"]) };
  const other = sdkUser("bob_02", randomBytes(32).toString("hex"));
  bob = { ...other, userId: String((await run(other, register(COLDKEY)))["user_id"]) };
});

step("`chutes register` prints why a second account of a hotkey, or a taken name, is refused", async () => {
  expect(await failing(alice, register(COLDKEY))).toEqual(refusal(409, alice.address));
  const late = sdkUser("ALICE_01", randomBytes(32).toString("hex"));
  expect(await failing(late, register(COLDKEY))).toEqual(refusal(409, "ALICE_01"));
});

step("`chutes login` gets a nonce, and its page a session; the page works once", async () => {
  const nonce = await run(alice, loginNonce);
  expect(nonce).toMatch(UUID);
  const page = await run(alice, loginPage(nonce));
  expect([200, 302]).toContain(page.status);
  expect(page.headers["set-cookie"]).toMatch(/^chutes-session-token=[^;]+;.*HttpOnly/);
  expect((await run(alice, loginPage(nonce))).status).toBe(400);
  const stranger = sdkUser("nobody", randomBytes(32).toString("hex"));
  expect((await run(stranger, loginPage(await run(stranger, loginNonce)))).status).toBe(404);
});

step("`chutes keys create` shows a key that works with the word Basic", async () => {
  const created = await run(alice, keysCreateAdmin("k1"));
  expect(created["secret_key"]).toMatch(/^cpk_[a-f0-9]{32}\.[a-f0-9]{32}\.[a-zA-Z0-9]{32}$/);
  const me: Exchange<unknown> = {
    request: () => ({
      method: "GET",
      target: "/users/me",
      headers: [["Authorization", `Basic ${String(created["secret_key"])}`]],
    }),
    read: success,
  };
  expect(await run(alice, me)).toMatchObject({ user_id: alice.userId });
  expect(await failing(alice, keysCreateAdmin("k1"))).toEqual(refusal(409, "k1"));
});

step("`chutes keys create` with scopes takes repeated ones and an action of null", async () => {
  const twice = { object_type: "chutes", action: null };
  await run(alice, keysCreateScoped("k2", [twice, twice, { object_type: "images", action: "read" }]));
  const scope = { object_type: "chutes", object_id: chuteIdOf(alice.username, APP.name), action: "invoke" };
  await run(alice, keysCreateScoped("k3", [scope]));
  expect(await failing(alice, keysCreateScoped("k4", [{ object_type: "secrets" }]))).toMatchObject({ status: 400 });
});

step("`chutes keys list`, `get` and `delete` work by name and by id", async () => {
  const listed = await run(alice, keysList());
  expect(listed.items.map(({ name }) => name)).toEqual(["k3", "k2", "k1"]);
  for (const { admin, scopes } of listed.items)
    expect([typeof admin, Array.isArray(scopes)]).toEqual(["boolean", true]);
  expect((await run(alice, keysList("K2"))).total).toBe(1);
  const k2 = await run(alice, get("api_keys", "k2"));
  expect(await run(alice, get("api_keys", String(k2["api_key_id"])))).toMatchObject({ name: "k2" });
  expect(await run(alice, remove("api_keys", "k2"))).toEqual({ api_key_id: k2["api_key_id"], deleted: true });
  expect(await failing(alice, get("api_keys", "k2"))).toMatchObject({ status: 404 });
  expect(await failing(bob, remove("api_keys", "k1"))).toMatchObject({ status: 404 });
});

step("`chutes images list` and `get` show a built image", async () => {
  const { db } = running();
  const owner = { userId: alice.userId, username: alice.username };
  const now = new Date();
  await registerBuiltImage(db, { owner, ...APP.image, public: false, chutesVersion: "0.6.9", now });
  const own = await run(alice, imagesList({ includePublic: false }));
  expect(own.items).toMatchObject([{ name: "my-image", tag: "1.0", status: "built and pushed" }]);
  expect((await run(alice, imagesList({ includePublic: true }))).total).toBe(2);
  const imageId = imageIdOf({ username: alice.username, ...APP.image });
  for (const form of [imageId, "alice_01/my-image:1.0", "my-image:1.0"])
    expect(await run(alice, get("images", form))).toMatchObject({ image_id: imageId });
  expect(await failing(bob, get("images", imageId))).toMatchObject({ status: 404 });
});

step("`chutes deploy` without a balance or without --accept-fee prints what it would cost", async () => {
  await run(alice, imageOf(APP));
  const { status, detail } = await failing(alice, deploy(APP, { acceptFee: false }));
  expect(status).toBe(402);
  expect(JSON.stringify(detail)).toContain("--accept-fee");
  expect(await failing(alice, deploy(APP, { acceptFee: true }))).toMatchObject({ status: 402 });
  expect((await run(alice, chutesList({ includePublic: false }))).total).toBe(0);
});

step("`chutes deploy --accept-fee` deploys under the id that the SDK derives, once", async () => {
  const { db, config } = running();
  const billingAdmin = 64;
  await db
    .updateTable("users")
    .set((row) => ({ permissions_bitmask: row("permissions_bitmask", "+", billingAdmin as never) }))
    .where("username", "=", config.platformUsername)
    .execute();
  await credit(alice, 20);
  const deployed = await run(alice, deploy(APP, { acceptFee: true }));
  expect(deployed["chute_id"]).toBe(chuteIdOf(alice.username, APP.name));
  const again = await failing(alice, deploy(APP, { acceptFee: true }));
  expect(again).toEqual(refusal(409, APP.name));
});

step("`chutes deploy` prints that a changed body is not what was signed", async () => {
  const { place } = running();
  const bytes = requestBytes(deploy(APP, { acceptFee: true }).request(alice), "localhost");
  bytes[bytes.length - 1] = 0x20;
  expect(printedError(await exchange(place, bytes))).toEqual(refusal(401, alice.address));
});

step("`chutes deploy --logo` uploads the picture first", async () => {
  const logoId = await run(alice, uploadLogo("logo.png", PNG));
  expect(logoId).toMatch(UUID);
  const code = `${APP.code}# second version\n`;
  const deployed = await run(alice, deploy({ ...APP, code, logoId }, { acceptFee: true }));
  expect(deployed["chute_id"]).toBe(chuteIdOf(alice.username, APP.name));
  expect(await run(alice, get("chutes", APP.name))).toMatchObject({ logo: expect.stringContaining(logoId) });
  const text = await failing(alice, uploadLogo("logo.png", Buffer.from("no picture at all")));
  expect(text).toMatchObject({ status: 400, detail: expect.any(String) });
});

step("`chutes deploy --public` is for those who may", async () => {
  expect(await run(alice, mayDeployPublicly)).toBe(false);
  expect(await run(operator(), mayDeployPublicly)).toBe(true);
  expect(await failing(alice, deploy({ ...APP, public: true }, { acceptFee: true }))).toMatchObject({ status: 400 });
});

step("`chutes chutes list` draws its table with and without --include-public", async () => {
  const own = await run(alice, chutesList({ includePublic: false }));
  expect(own.items).toMatchObject([{ name: APP.name, hot: false, cords: null }]);
  expect(own.cords[0]?.map((cord) => cord["function"])).toEqual(["hello", "plain"]);
  expect((await run(alice, chutesList({ includePublic: true, name: "MY-CH" }))).total).toBe(1);
  expect((await run(bob, chutesList({ includePublic: true, name: "my-ch" }))).total).toBe(0);
});

step("`chutes chutes get` prints one by id, name, and owner's name", async () => {
  const chuteId = chuteIdOf(alice.username, APP.name);
  for (const form of [chuteId, APP.name, APP.name.toUpperCase(), `alice_01/${APP.name}`])
    expect(await run(alice, get("chutes", form))).toMatchObject({ chute_id: chuteId });
  expect(await failing(bob, get("chutes", chuteId))).toMatchObject({ status: 404 });
});

step("`chutes secrets` creates, lists, shows and deletes, and never shows a value", async () => {
  const value = "hf_välue-1234567890";
  const secret = { purpose: APP.name, key: "HF_TOKEN", value };
  const { secret_id: secretId } = await run(alice, secretsCreate(secret));
  expect(await failing(alice, secretsCreate(secret))).toMatchObject({ status: 409 });
  expect(await failing(alice, secretsCreate({ ...secret, key: "LD_PRELOAD" }))).toMatchObject({ status: 400 });
  expect(await failing(bob, secretsCreate(secret))).toMatchObject({ status: 404 });
  expect((await run(alice, secretsList)).items).toMatchObject([{ secret_id: secretId, key: "HF_TOKEN" }]);
  const shown = await send(alice, get("secrets", String(secretId)));
  expect(shown.body.toString()).not.toContain(value);
  expect(await run(alice, remove("secrets", String(secretId)))).toMatchObject({ secret_id: secretId });
  expect(await failing(alice, get("secrets", String(secretId)))).toMatchObject({ status: 404 });
});

step("`chutes share` lets another account see a private chute, and --remove takes it back", async () => {
  expect(await failing(bob, get("chutes", chuteIdOf(alice.username, APP.name)))).toMatchObject({ status: 404 });
  await run(alice, share(APP.name, "bob_02"));
  await run(alice, share(APP.name, bob.userId));
  await run(bob, get("chutes", chuteIdOf(alice.username, APP.name)));
  await run(alice, share(APP.name, "bob_02", { remove: true }));
  expect(await failing(bob, get("chutes", chuteIdOf(alice.username, APP.name)))).toMatchObject({ status: 404 });
  expect(await failing(alice, share(APP.name, "nobody_1"))).toMatchObject({ status: 404 });
  expect(await failing(alice, share(APP.name, alice.username))).toMatchObject({ status: 400 });
  expect(await failing(bob, share(APP.name, alice.username))).toMatchObject({ status: 404 });
});

step("`chutes transfer-balance` moves an amount, or all of it", async () => {
  const before = await run(alice, transferBalance("bob_02", 1.5));
  expect(before).toMatchObject({ transferred: 1.5, to_user: bob.userId });
  expect(await failing(alice, transferBalance("bob_02", 1000))).toMatchObject({ status: 400 });
  expect(await failing(alice, transferBalance("nobody_1", 1))).toMatchObject({ status: 404 });
  expect(await run(bob, transferBalance(alice.userId))).toMatchObject({ transferred: 1.5, from_balance: 0 });
  expect(await failing(bob, transferBalance(alice.userId))).toMatchObject({ status: 400 });
});

step("`chutes warmup` polls with one set of headers, and streams while the chute is cold", async () => {
  const { place } = running();
  const poll = warmupPoll(APP.name);
  const bytes = requestBytes(poll.request(alice), "localhost");
  for (let turn = 0; turn < 3; turn += 1)
    expect(poll.read(await exchange(place, bytes))).toMatchObject({ status: "cold", bounty: expect.any(Object) });
  const stream = warmupStream(chuteIdOf(alice.username, APP.name));
  const answer = await exchangeUntil(place, requestBytes(stream.request(alice), "localhost"), (text) =>
    text.includes("\n\n"),
  );
  expect(answer.headers["content-type"]).toContain("text/event-stream");
  expect(stream.read(answer)).toMatchObject([{ status: "cold" }]);
  expect(await failing(bob, poll)).toMatchObject({ status: 404 });
  expect(await failing(bob, warmupPoll("no/such-chute"))).toMatchObject({ status: 404 });
});

step("`chutes startup-logs` and the log of an unknown instance find nothing, as JSON", async () => {
  expect(await run(alice, startupLogs(chuteIdOf(alice.username, APP.name)))).toBe("none");
  expect(await failing(alice, instanceLogs(randomUUID()))).toMatchObject({ status: 404 });
});

step(
  "a function of a running chute is called with Python's arguments, and `chutes report` reports the call",
  async () => {
    const { config, platformSeed } = running();
    await deployDemo(config, { seed: platformSeed, now: new Date() });
    await expect
      .poll(async () => (await run(alice, get("chutes", DEMO_CHUTE.name)))["hot"], { timeout: 60_000, interval: 250 })
      .toBe(true);
    const { invocationId, result } = await run(alice, callCord(CHAT_CALL));
    expect(JSON.stringify(result)).toContain("one two three");
    expect(invocationId).toMatch(UUID);
    await expect
      .poll(async () => (await send(alice, report(invocationId, "wrong words"))).status, { timeout: 10_000 })
      .not.toBe(404);
    expect(await failing(alice, report(invocationId, "again"))).toMatchObject({ status: 409 });
    expect(await failing(bob, report(invocationId, "not mine"))).toMatchObject({ status: 404 });
  },
);

/** `chat(json={"model": "dev/echo", "messages": [{"role": "user", "content": "one two three"}]})`, pickled by CPython 3.11. */
const CHAT_CALL = {
  owner: "chutes",
  chute: DEMO_CHUTE.name,
  function: "chat",
  args: "H4sIAAAAAAACA2tg0dQDAN9ThFMEAAAA",
  kwargs:
    "H4sIAAAAAAACAyWLsQ5AQBAFFSc0/kGp4ocoLrwQ4Ta5vaOS+IAt1/+6MNUUM7d5+uznUjErk9NLG8l3mrCplBOODuNCSXcw2xmsw5cYTxvSExlepRjJBbigUpFDHU6qw+IBjTZy+wLTGrfoZwAAAA==",
};

step("`chutes refinger` ends every session at once; the id stays", async () => {
  await run(alice, refinger("a-new-fingerprint-ü-0123456789"));
  expect(await failing(alice, refinger("short"))).toMatchObject({ detail: expect.any(String) });
  expect(await run(alice, mayDeployPublicly)).toBe(false);
  const login = (fingerprint: string): Exchange<unknown> => ({
    request: () => ({ method: "POST", target: "/users/login", headers: [], body: compactJson({ fingerprint }) }),
    read: success,
  });
  expect(await run(alice, login("a-new-fingerprint-ü-0123456789"))).toMatchObject({ token: expect.any(String) });
  expect(await failing(alice, login("a-wrong-fingerprint-0123456789"))).toMatchObject({ status: 401 });
});

step("the older client's link commands link a listed hotkey, once", async () => {
  const validator = sdkUser("", running().validatorSeed);
  const linked = await run(alice, link("validator", validator));
  expect(Number(linked["permissions_bitmask"]) & 17).toBe(17);
  expect(await failing(bob, link("validator", validator))).toMatchObject({ status: 409 });
  expect(await failing(alice, link("subnet_owner", validator))).toMatchObject({ status: 404 });
});

step("`chutes chutes delete` and `images delete` end what was made", async () => {
  expect(await failing(alice, remove("images", "my-image:1.0"))).toMatchObject({ status: 409 });
  expect(await failing(bob, remove("chutes", APP.name))).toMatchObject({ status: 404 });
  const chuteId = chuteIdOf(alice.username, APP.name);
  expect(await run(alice, remove("chutes", APP.name))).toEqual({ chute_id: chuteId, deleted: true });
  expect(await failing(alice, get("chutes", APP.name))).toMatchObject({ status: 404 });
  expect(await run(alice, remove("images", "my-image:1.0"))).toMatchObject({ deleted: true });
});
