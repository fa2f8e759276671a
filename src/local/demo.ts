import { writeFile } from "node:fs/promises";
import { type Account, PERMISSION } from "../domain/accounts/account.js";
import { accountByUsername } from "../domain/accounts/account-repository.js";
import { newWallet, registerAccount } from "../domain/accounts/registration.js";
import { registerBuiltImage } from "../domain/images/image-repository.js";
import { createHttpClient } from "../infra/http-client/client.js";
import { type Db, openPostgres } from "../infra/postgres/client.js";
import { apiUrl } from "../kernel/config/api-url.js";
import type { Config } from "../kernel/config/schema.js";
import { AppError } from "../kernel/errors.js";
import { TEMPLATE_CORDS } from "../wire/cords.js";
import { signedHeaders } from "../wire/headers.js";
import { keypairFromSeed } from "../wire/keypair.js";
import { saveCredentials } from "./credentials.js";
import { ensureDeveloper } from "./developer.js";
import { made, type PlatformState } from "./platform-state.js";
import { sdkConfig } from "./sdk-config.js";
import { DEMO_CHUTE, DEMO_IMAGE } from "./seed.js";

/** The first-party account (its name cannot be registered over HTTP), its image record, and the developer's account and key. */
export async function seedAccounts(state: PlatformState): Promise<void> {
  const config = made(state.config, "the configuration");
  const credentials = made(state.credentials, "the credentials");
  const db = openPostgres({ ...config.postgres, poolSize: 1 });
  try {
    const now = state.options.now();
    await seedPlatformAccount(db, config, { seed: credentials.platformSeed, now });
  } finally {
    await db.destroy();
  }
  const developer = await ensureDeveloper(config, credentials.developer, state.options.signal);
  state.credentials = { ...credentials, developer: developer.credentials };
  const dir = made(state.dir, "the data directory");
  await saveCredentials(dir.file("credentials.json"), state.credentials);
  await writeFile(dir.file("sdk-config.ini"), sdkConfig(config, developer.sdkUser), { mode: 0o600 });
}

/** The first-party account and its image record, as far as they are missing. */
export async function seedPlatformAccount(db: Db, config: Config, account: { seed: string; now: Date }): Promise<void> {
  const owner = await platformAccount(db, config, account);
  const { name, tag, chutesVersion } = DEMO_IMAGE;
  await registerBuiltImage(db, { owner, name, tag, public: true, chutesVersion, now: account.now });
}

async function platformAccount(db: Db, config: Config, { seed, now }: { seed: string; now: Date }): Promise<Account> {
  const username = config.platformUsername;
  const existing = await accountByUsername(db, username);
  if (existing !== undefined) return existing;
  const hotkey = keypairFromSeed(seed).address;
  const wallet = () => newWallet({ walletKeyHex: config.accounts.walletKey, pgKey: config.accounts.pgEncryptionKey });
  const { account } = await registerAccount(db, {
    wallet,
    pepper: config.accounts.fingerprintPepper,
    takesDeposits: false,
    username,
    hotkey,
    coldkey: hotkey,
    isFree: true,
    clientAddress: null,
    now,
  });
  const { freeAccount, unlimited, unlimitedDev, publicModelDeployment } = PERMISSION;
  const permissions = freeAccount | unlimited | unlimitedDev | publicModelDeployment;
  await db
    .updateTable("users")
    .set({ permissions_bitmask: permissions })
    .where("user_id", "=", account.userId)
    .execute();
  return { ...account, permissions };
}

/** Deploys the demo chute as the first-party account. */
export async function deployDemoChute(state: PlatformState): Promise<void> {
  const seed = made(state.credentials, "the credentials").platformSeed;
  await deployDemo(made(state.config, "the configuration"), { seed, now: state.options.now() });
}

/** The same over HTTP with the SDK's request. Deploying it again unchanged is refused with 409: fine. */
export async function deployDemo(config: Config, account: { seed: string; now: Date }): Promise<void> {
  const hotkey = keypairFromSeed(account.seed);
  const body = JSON.stringify(demoBody());
  const http = createHttpClient({ connectTimeoutMs: 5000, totalTimeoutMs: 20_000, lookupLocalhost: true });
  try {
    const headers = { "content-type": "application/json", ...signedHeaders(hotkey, { body }, account.now) };
    const answer = await http.request(`${apiUrl(config)}/chutes/`, { body, headers });
    if (answer.status === 200 || answer.status === 409) return;
    const text = answer.body.toString().slice(0, 500);
    throw new AppError("unavailable", `deploying the demo chute answered ${answer.status}: ${text}`);
  } finally {
    await http.close();
  }
}

function demoBody() {
  return {
    name: DEMO_CHUTE.name,
    tagline: "Says your words back",
    readme: "",
    image: DEMO_IMAGE.reference,
    public: true,
    standard_template: "vllm",
    node_selector: { gpu_count: 1, min_vram_gb_per_gpu: 16 },
    filename: DEMO_CHUTE.filename,
    ref_str: DEMO_CHUTE.refStr,
    code: 'from chutes.chute import Chute\n\nchute = Chute(username="chutes", name="dev/echo")\n',
    concurrency: 64,
    revision: "0000000000000000000000000000000000000001",
    cords: TEMPLATE_CORDS.vllm,
    jobs: [],
  };
}
