import { createHttpClient, type HttpClient } from "../infra/http-client/client.js";
import { apiUrl } from "../kernel/config/api-url.js";
import type { Config } from "../kernel/config/schema.js";
import { AppError } from "../kernel/errors.js";
import { signedHeaders } from "../wire/headers.js";
import { keypairFromSeed } from "../wire/keypair.js";
import type { Credentials } from "./credentials.js";
import type { SdkUser } from "./sdk-config.js";

/** Name of the account and of its key; the account is an ordinary one, registered over HTTP. */
const USERNAME = "developer";
const KEY_NAME = "dev";

type Developer = Credentials["developer"];

/** The developer's account: secrets to keep, and what the stock SDK wants in its file. */
export interface DeveloperAccount {
  readonly credentials: Developer;
  readonly sdkUser: SdkUser;
}

/** Registers the developer and creates the API key, as far as an earlier start did not. A crash between the two is mended here. */
export async function ensureDeveloper(
  config: Config,
  developer: Developer,
  signal: AbortSignal,
): Promise<DeveloperAccount> {
  const http = createHttpClient({ connectTimeoutMs: 5000, totalTimeoutMs: 30_000, lookupLocalhost: true });
  const caller = new SignedCaller(http, apiUrl(config), { seed: developer.seed, signal });
  try {
    const credentials = developer.apiKey === undefined ? await registerWithKey(caller, developer) : developer;
    const me = (await caller.get("/users/me", "me")) as { user_id: string; username: string; payment_address: string };
    const sdkUser = {
      username: me.username,
      userId: me.user_id,
      hotkeySeed: developer.seed,
      paymentAddress: me.payment_address,
    };
    return { credentials, sdkUser };
  } finally {
    await http.close();
  }
}

async function registerWithKey(caller: SignedCaller, developer: Developer): Promise<Developer> {
  const registered = await caller.send("POST", "/users/register?token=replaceme", {
    username: USERNAME,
    coldkey: caller.address,
  });
  if (registered.status !== 200 && registered.status !== 409) throw refused("registration", registered);
  let key = await caller.send("POST", "/api_keys/", { name: KEY_NAME, admin: true });
  if (key.status === 409) {
    await caller.remove(`/api_keys/${KEY_NAME}`, "api_keys");
    key = await caller.send("POST", "/api_keys/", { name: KEY_NAME, admin: true });
  }
  if (key.status !== 200) throw refused("creating an API key", key);
  return { ...developer, ...identityOf(registered), apiKey: String((key.body as { secret_key: unknown }).secret_key) };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function identityOf(registered: Answer): Pick<Developer, "fingerprint" | "userId"> {
  if (registered.status !== 200) return {};
  const { fingerprint, user_id } = registered.body as { fingerprint: string; user_id: string };
  return { fingerprint, userId: user_id };
}

function refused(what: string, { status, body }: Answer): AppError {
  return new AppError("unavailable", `${what} answered ${status}: ${JSON.stringify(body)}`);
}

class SignedCaller {
  readonly #http: HttpClient;
  readonly #base: string;
  readonly #signal: AbortSignal;
  readonly #keypair;

  constructor(http: HttpClient, base: string, { seed, signal }: { seed: string; signal: AbortSignal }) {
    this.#http = http;
    this.#base = base;
    this.#signal = signal;
    this.#keypair = keypairFromSeed(seed);
  }

  get address(): string {
    return this.#keypair.address;
  }

  async send(method: "POST", path: string, value: object): Promise<Answer> {
    const body = JSON.stringify(value);
    const headers = { "content-type": "application/json", ...signedHeaders(this.#keypair, { body }, new Date()) };
    const answer = await this.#http.request(this.#base + path, { method, body, headers, signal: this.#signal });
    return { status: answer.status, body: JSON.parse(answer.body.toString()) };
  }

  async get(path: string, purpose: string): Promise<unknown> {
    const headers = signedHeaders(this.#keypair, { purpose }, new Date());
    const answer = await this.#http.requestJson(this.#base + path, { headers, signal: this.#signal });
    if (answer.status !== 200) throw refused(`GET ${path}`, answer);
    return answer.body;
  }

  async remove(path: string, purpose: string): Promise<void> {
    const headers = signedHeaders(this.#keypair, { purpose }, new Date());
    await this.#http.request(this.#base + path, { method: "DELETE", headers, signal: this.#signal });
  }
}
