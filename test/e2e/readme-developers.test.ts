import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chuteIdOf } from "../../src/wire/ids.js";
import { initCrypto } from "../../src/wire/keypair.js";
import { type FakeRegistry, imageDocuments, serveDocuments, startFakeRegistry } from "../fakes/registry.js";
import { build, type RunningBinary, runBinary, startBinary } from "../support/binary.js";
import {
  type Exchange,
  get,
  keysCreateAdmin,
  keysCreateScoped,
  keysList,
  loginNonce,
  loginPage,
  ping,
  register,
  remove,
  secretsCreate,
} from "./sdk-bytes/account-commands.js";
import { requestBytes } from "./sdk-bytes/aiohttp.js";
import { type App, chutesList, deploy, imageOf, imagesList, share, warmupPoll } from "./sdk-bytes/chute-commands.js";
import { type SdkUser, sdkUser } from "./sdk-bytes/sdk.js";
import { exchange } from "./sdk-bytes/socket.js";

/**
 * Every line of the code blocks of README's section for app developers is carried out, in order, against `dev`:
 * `chutes …` as the bytes that the SDK sends for it, `chutes-validator …` by the binary, curl and JavaScript as they stand,
 * `export` for the lines that follow, the Python file as what is deployed. A line that nothing here knows fails the test.
 * Only what differs from reader to reader is put in its place: the port, the data directory, the registry, the key.
 */
const root = join(import.meta.dirname, "../..");
const dir = mkdtempSync(join(tmpdir(), "readme-"));
const dataDir = join(dir, "data");
const env: Record<string, string> = {};
let dev: RunningBinary;
let ready: Record<string, unknown>;
let registry: FakeRegistry;
let alice: SdkUser;
let source = "";

beforeAll(async () => {
  await initCrypto();
  build();
  registry = await startFakeRegistry(serveDocuments(imageDocuments()));
  dev = startBinary(["dev", "--data-dir", dataDir, "--port", "0", "--json"]);
  ready = await dev.ready;
}, 180_000);

afterAll(async () => {
  await dev?.stop();
  await registry?.close();
  rmSync(dir, { recursive: true, force: true });
}, 30_000);

interface Block {
  readonly language: string;
  readonly text: string;
}

function blocksOfSection(): Block[] {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const section = /^## For app developers\n(.*?)^## /ms.exec(readme)?.[1] ?? "";
  return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = "", text = ""]) => ({ language, text }));
}

const port = () => new URL(String(ready["api_url"])).port;

/** The reader's own port, folder and registry. */
function localised(text: string): string {
  return text
    .replaceAll("localhost:8000", `localhost:${port()}`)
    .replaceAll(".chutes/", `${dataDir}/`)
    .replaceAll("http://localhost:5000", registry.url);
}

async function send<Reading>(me: SdkUser, { request, read }: Exchange<Reading>): Promise<Reading> {
  return read(
    await exchange({ host: "127.0.0.1", port: Number(port()) }, requestBytes(request(me), `localhost:${port()}`)),
  );
}

const app = (): App => ({
  name: /Chute\(username="\w+", name="([^"]+)"/.exec(source)?.[1] ?? "",
  image: { name: /Image\(.*name="([^"]+)"/.exec(source)?.[1] ?? "", tag: /tag="([^"]+)"/.exec(source)?.[1] ?? "" },
  code: source,
});

type Words = Readonly<Record<string, string>>;

/** What a line does, by its shape; named groups are handed over. */
const LINES: readonly (readonly [RegExp, (words: Words) => Promise<unknown>])[] = [
  [/^export CHUTES_API_KEY=cpk_…$/, async () => expect(env["CHUTES_API_KEY"]).toMatch(/^cpk_/)],
  [/^export (?<name>CHUTES_\w+)=(?<value>\S+)$/, async ({ name = "", value = "" }) => (env[name] = localised(value))],
  [
    /^chutes register --username (?<username>\w+) --wallet \S+ --hotkey \S+$/,
    async ({ username = "" }) => {
      const newcomer = sdkUser(username, randomBytes(32).toString("hex"));
      await send(newcomer, ping);
      const registered = await send(newcomer, register(newcomer.address));
      alice = { ...newcomer, userId: String(registered["user_id"]) };
    },
  ],
  [
    /^chutes login$/,
    async () => {
      const page = await send(alice, loginPage(await send(alice, loginNonce)));
      expect(page.headers["set-cookie"]).toContain("chutes-session-token=");
    },
  ],
  [
    /^chutes keys create --name (?<name>\w+) --admin$/,
    async ({ name = "" }) => {
      env["CHUTES_API_KEY"] = String((await send(alice, keysCreateAdmin(name)))["secret_key"]);
    },
  ],
  [
    /^chutes keys create --name (?<name>\w+) --chute-ids (?<id>\S+) --action (?<action>\w+)$/,
    ({ name = "", id, action }) =>
      send(alice, keysCreateScoped(name, [{ object_type: "chutes", object_id: id, action }])),
  ],
  [/^chutes keys list$/, async () => expect((await send(alice, keysList())).total).toBe(2)],
  [
    /^chutes-validator (?<args>.*)$/,
    async ({ args = "" }) => {
      const { code, stderr } = await runBinary(localised(args).split(" "));
      expect({ code, stderr }).toMatchObject({ code: 0 });
    },
  ],
  [
    /^chutes images list --include-public$/,
    async () => {
      const { items } = await send(alice, imagesList({ includePublic: true }));
      expect(items.map((item) => item["name"])).toContain("my-image");
    },
  ],
  [
    /^chutes deploy my_app:chute --accept-fee$/,
    async () => {
      await send(alice, imageOf(app()));
      const deployed = await send(alice, deploy(app(), { acceptFee: true }));
      expect(deployed["chute_id"]).toBe(chuteIdOf(alice.username, app().name));
    },
  ],
  [
    /^chutes secrets create --purpose (?<purpose>\S+) --key (?<key>\w+) --value (?<value>\S+)$/,
    ({ purpose = "", key = "", value = "" }) => send(alice, secretsCreate({ purpose, key, value })),
  ],
  [
    /^chutes warmup my_app:chute$/,
    async () => expect(["cold", "hot"]).toContain((await send(alice, warmupPoll(app().name)))["status"]),
  ],
  [
    /^chutes share --chute-id (?<chute>\S+) --user-id (?<user>\S+)$/,
    ({ chute = "", user = "" }) => send(alice, share(chute, user)),
  ],
  [
    /^chutes chutes list$/,
    async () => expect((await send(alice, chutesList({ includePublic: false }))).items).toHaveLength(1),
  ],
  [/^chutes chutes get (?<name>\S+)$/, ({ name = "" }) => send(alice, get("chutes", name))],
  [/^chutes chutes delete (?<name>\S+)$/, ({ name = "" }) => send(alice, remove("chutes", name))],
  [
    /^(?<command>curl .*)$/,
    async ({ command = "" }) => {
      const { stdout } = await promisify(execFile)("/bin/sh", ["-c", localised(command)], {
        env: { ...process.env, ...env },
      });
      expect(JSON.parse(stdout)).not.toHaveProperty("detail");
      expect(stdout).toMatch(/alice|Hello there/);
    },
  ],
];

async function carryOut(line: string): Promise<void> {
  for (const [shape, act] of LINES) {
    const match = shape.exec(line);
    if (match === null) continue;
    await act({ ...match.groups });
    return;
  }
  throw new Error(`README: nothing here carries out the line \`${line}\``);
}

/** Node's own resolver does not know *.localhost on every machine; browsers and curl do. */
const RESOLVER = `import dns from "node:dns";
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host.endsWith(".localhost") ? "localhost" : host, ...rest);
`;

async function runJavaScript(text: string): Promise<void> {
  const preload = join(dir, "resolver.mjs");
  writeFileSync(preload, RESOLVER);
  const args = ["--import", preload, "--input-type=module", "-e", localised(text)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
  expect(stdout).toContain("Hello there");
}

/** The block names the members of the file that `dev` writes for the SDK. */
function compareWithFile(text: string): void {
  const names = (ini: string) => ini.split("\n").flatMap((line) => /^(\[\w+\]|\w+(?= =))/.exec(line)?.[1] ?? []);
  expect(names(text)).toEqual(names(readFileSync(String(ready["sdk_config_file"]), "utf8")));
  expect(localised(text)).toContain(`base_url = ${String(ready["api_url"])}`);
}

test("every line of README's section for app developers holds against a running platform", async () => {
  const blocks = blocksOfSection();
  expect(blocks.map(({ language }) => language)).toEqual(["sh", "ini", "sh", "sh", "python", "sh", "sh", "js"]);
  for (const { language, text } of blocks) {
    if (language === "ini") compareWithFile(text);
    else if (language === "python") source = text;
    else if (language === "js") await runJavaScript(text);
    else for (const line of text.split("\n").filter(Boolean)) await carryOut(line);
  }
}, 120_000);

test("a line that nobody has thought of is found", async () => {
  await expect(carryOut("chutes fly --to moon")).rejects.toThrow("chutes fly --to moon");
});
