import { readFileSync } from "node:fs";
import pg from "pg";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import { runBinary } from "../support/binary.js";
import {
  type DevPlatform,
  hasBrowser,
  type Look,
  logIn,
  NO_BROWSER,
  openPage,
  startBrowser,
  startDevPlatform,
  submitLogin,
  takePicture,
} from "../support/browser.js";

test.skipIf(hasBrowser)("a browser is installed", (context) => context.skip(NO_BROWSER));

describe.skipIf(!hasBrowser)("the console", () => {
  let platform: DevPlatform;
  let browser: Browser;

  beforeAll(async () => {
    await initCrypto();
    [platform, browser] = await Promise.all([startDevPlatform(), startBrowser()]);
    await operate(platform, "users", "balance", "developer", "--add", "12.345678", "--reason", "test");
    await giveUsage(platform);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  }, 30_000);

  const open = (look: Look = {}) => openPage(browser, platform.apiUrl, look);

  async function signedIn(path = "/") {
    const opened = await open();
    await logIn(opened.page, platform.developer.fingerprint, path);
    return opened;
  }

  test("the fingerprint logs in; balance, quota and usage show as plot and as numbers", async () => {
    const { page, problems } = await signedIn();
    await page.getByText("$12.35", { exact: true }).waitFor();
    await page.getByText("Unlimited", { exact: true }).waitFor();
    await page.getByText("30 calls in the last 48 hours").waitFor();
    await page.getByRole("img", { name: /^Calls by hour, last 48 hours: 30 calls/ }).waitFor();
    await page.locator("canvas").waitFor();
    await page.getByText("The same as a table").click();
    const hours = page.getByRole("table", { name: "Usage by hour, newest first" }).getByRole("row");
    expect(await hours.nth(1).innerText()).toMatch(/:00 UTC\s+10\s+\$0\.01$/);
    await page.getByText("30 days", { exact: true }).click();
    await page.getByText("50 calls in the last 30 days").waitFor();
    await page.getByText("Spend", { exact: true }).first().click();
    await page.getByText("$0.05 in the last 30 days").waitFor();
    await page.getByRole("table", { name: "By chute" }).getByRole("link", { name: "dev/echo" }).waitFor();
    await takePicture(page, "overview");
    expect(problems).toEqual([]);
  });

  test("the payment address is copied", async () => {
    const { page } = await signedIn();
    await page.getByRole("button", { name: "Copy the payment address" }).click();
    await page.getByText("Copied the payment address.").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toMatch(/^5\w{47}$/);
  });

  test("an admin key logs in; a wrong one is refused in the platform's words", async () => {
    const { page } = await open();
    await page.goto("/");
    await submitLogin(page, { field: "API key", secret: "cpk_nonsense" });
    expect(await page.getByRole("alert").innerText()).toContain("API key");
    await submitLogin(page, { field: "API key", secret: platform.developer.apiKey });
    await page.getByRole("heading", { name: "Hello, developer" }).waitFor();
  });

  test("the session of chutes login is taken over", async () => {
    const { page } = await open();
    await page.goto(await cliLoginPath(platform));
    await page.goto("/console/login?session=1");
    await page.getByRole("heading", { name: "Hello, developer" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/");
  });

  test("a login lasts as long as its tab; logging out ends it", async () => {
    const { page } = await signedIn("/console/keys");
    await page.getByRole("heading", { name: "API keys" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "API keys" }).waitFor();
    const otherTab = await page.context().newPage();
    await otherTab.goto("/");
    await otherTab.getByRole("heading", { name: "Log in" }).waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
  });

  test("who stays signed in is so in every tab, and signs out of all of them", async () => {
    const { page } = await open();
    await page.goto("/");
    await page.getByRole("checkbox", { name: "Stay signed in on this device" }).check();
    await submitLogin(page, { field: "Fingerprint", secret: platform.developer.fingerprint });
    await page.getByRole("heading", { name: "Hello, developer" }).waitFor();
    const otherTab = await page.context().newPage();
    await otherTab.goto("/console/settings");
    await otherTab.getByText(`base_url = ${platform.apiUrl}`).waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await otherTab.getByText("You signed out in another tab.").waitFor();
  });

  test("a key is created, shown once, works, and is refused after it was deleted", async () => {
    const { page, problems } = await signedIn("/console/keys");
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("browser");
    await page.getByText("Full access", { exact: true }).last().click();
    await page.getByRole("button", { name: "Create the key" }).click();
    const secret = await page.getByText(/^cpk_[0-9a-f]{32}\./).innerText();
    const status = async () =>
      (await fetch(`${platform.apiUrl}/users/me`, { headers: { authorization: `Bearer ${secret}` } })).status;
    expect(await status()).toBe(200);
    await page.getByRole("button", { name: "I have kept it" }).click();
    expect(await page.content()).not.toContain(secret);
    await page.getByRole("button", { name: "Delete the key browser" }).click();
    await page.getByRole("button", { name: "Delete the key", exact: true }).click();
    await page.getByText("Deleted the key browser. It is refused from now on.").waitFor();
    await page.getByRole("row", { name: /^browser/ }).waitFor({ state: "detached" });
    expect(await status()).toBe(401);
    expect(problems).toEqual([]);
  });

  test("a scoped key says what it may do; a name that is taken is refused in words", async () => {
    const { page } = await signedIn("/console/keys");
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("caller");
    await page.getByRole("button", { name: "Create the key" }).click();
    await page.getByRole("button", { name: "I have kept it" }).click();
    expect(await page.getByRole("row", { name: /^caller/ }).innerText()).toContain("invoke chutes");
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("caller");
    await page.getByRole("button", { name: "Create the key" }).click();
    expect(await page.getByRole("alert").innerText()).toContain("You already have an API key named caller.");
  });

  test("a key that is revoked elsewhere signs the console out with the reason", async () => {
    const headers = { authorization: `Bearer ${platform.developer.apiKey}`, "content-type": "application/json" };
    const body = JSON.stringify({ name: "revoked", admin: true });
    const created = await fetch(`${platform.apiUrl}/api_keys/`, { method: "POST", headers, body });
    const { secret_key: secret } = (await created.json()) as { secret_key: string };
    const { page } = await open();
    await page.goto("/");
    await submitLogin(page, { field: "API key", secret });
    await page.getByRole("table", { name: "By chute" }).waitFor();
    await fetch(`${platform.apiUrl}/api_keys/revoked`, { method: "DELETE", headers });
    await page.getByRole("link", { name: "API keys" }).click();
    await page.getByText(/^You were signed out: /).waitFor();
  });

  test("an account with a quota sees how much of it is used", async () => {
    await Promise.all([
      operate(platform, "users", "revoke", "developer", "free_account"),
      operate(platform, "users", "quota", "developer", "--set", "*=5"),
    ]);
    const { page } = await signedIn();
    await page.getByText("0 of 5 free calls").waitFor();
    expect(await page.getByRole("progressbar", { name: "Quota used today" }).getAttribute("max")).toBe("5");
  }, 60_000);
});

/** The link that `chutes login` prints. */
async function cliLoginPath({ apiUrl, developer }: DevPlatform): Promise<string> {
  const { nonce } = (await (await fetch(`${apiUrl}/idp/cli_login/nonce`)).json()) as { nonce: string };
  const keypair = keypairFromSeed(developer.seed);
  const signature = Buffer.from(keypair.sign(Buffer.from(nonce))).toString("hex");
  return `/idp/cli_login?${new URLSearchParams({ hotkey: keypair.address, signature, nonce })}`;
}

/** Runs an operator's command against the platform. */
async function operate({ configFile }: DevPlatform, ...args: string[]): Promise<void> {
  const { code, stderr } = await runBinary([...args, "--config", configFile]);
  if (code !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
}

/** Ten calls in each of the last three hours and twenty calls ten days ago, a tenth of a cent each. */
async function giveUsage({ configFile }: DevPlatform): Promise<void> {
  const { postgres } = parse(readFileSync(configFile, "utf8")) as { postgres: { url: string } };
  const db = new pg.Client({ connectionString: postgres.url });
  await db.connect();
  try {
    await db.query(`
      insert into usage_data (user_id, bucket, chute_id, amount_micro_usd, count, input_tokens, output_tokens)
      select users.user_id, date_trunc('hour', now()) - make_interval(hours => hours), chute_id, calls * 1000, calls, 0, 0
      from users, chutes, (values (0, 10), (1, 10), (2, 10), (240, 20)) as used (hours, calls)
      where username = 'developer'`);
  } finally {
    await db.end();
  }
}
