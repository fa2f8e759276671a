import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEMO_IMAGE } from "../../src/local/seed.js";
import { TEMPLATE_CORDS } from "../../src/wire/cords.js";
import { signedHeaders } from "../../src/wire/headers.js";
import { chuteIdOf } from "../../src/wire/ids.js";
import { initCrypto, keypairFromSeed } from "../../src/wire/keypair.js";
import { deployBody } from "../support/account-api.js";
import {
  type DevPlatform,
  hasBrowser,
  logIn,
  openPage,
  startBrowser,
  startDevPlatform,
  takePicture,
} from "../support/browser.js";

const CHUTE = "browser-test";

describe.skipIf(!hasBrowser)("chutes and the playground in the console", () => {
  let platform: DevPlatform;
  let browser: Browser;

  beforeAll(async () => {
    await initCrypto();
    [platform, browser] = await Promise.all([startDevPlatform(), startBrowser()]);
    await deploy(platform, CHUTE);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  }, 30_000);

  async function signedIn(path: string) {
    const opened = await openPage(browser, platform.apiUrl);
    await logIn(opened.page, platform.developer.fingerprint, path);
    return opened;
  }

  test("a cold chute is warmed up: the log tells how, and every open page sees it turn hot", async () => {
    const [{ page: list }, { page, problems }] = await Promise.all([
      signedIn("/console/chutes"),
      signedIn(`/console/chutes/${chuteIdOf("developer", CHUTE)}`),
    ]);
    const card = list.getByRole("listitem").filter({ has: list.getByRole("heading", { name: CHUTE }) });
    await card.getByText("Cold").waitFor();
    await list.getByText("Live", { exact: true }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Warm up" }).click();
    const log = page.getByRole("log", { name: "Warm-up log" });
    await log.getByText(/has an active instance/).waitFor();
    expect(await log.innerText()).toMatch(/cold[\s\S]+event[\s\S]+hot/);
    await page.getByRole("row").filter({ hasText: "Active" }).waitFor();
    await card.getByText("Hot").waitFor();
    await takePicture(page, "chute");
    expect(problems).toEqual([]);
  }, 60_000);

  test("a warm-up that is stopped is over", async () => {
    await deploy(platform, "never-hot", { node_selector: { gpu_count: 8, min_vram_gb_per_gpu: 80 } });
    const { page } = await signedIn(`/console/chutes/${chuteIdOf("developer", "never-hot")}`);
    await page.getByRole("button", { name: "Warm up" }).click();
    await page.getByRole("log", { name: "Warm-up log" }).getByText("cold", { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "Stop watching" }).click();
    await page.getByRole("button", { name: "Warm up" }).waitFor();
  });

  test("without the event stream the list is read again every few seconds, and says so", async () => {
    const { page } = await openPage(browser, platform.apiUrl);
    await page.routeWebSocket(/events\./, (socket) => socket.close());
    await page.clock.install();
    await logIn(page, platform.developer.fingerprint, "/console/chutes");
    await page.getByText("Checking every few seconds").waitFor();
    const again = page.waitForRequest((request) => request.url().includes("/chutes/?"));
    await page.clock.fastForward(10_000);
    await again;
  });

  test("the page of a chute shows functions, source and what it costs", async () => {
    const { page } = await signedIn("/console/chutes");
    await page.getByRole("searchbox", { name: "Search by name" }).fill("ECHO");
    await page.getByRole("link", { name: "dev/echo" }).click();
    await page.getByRole("row", { name: /chat_stream POST \/v1\/chat\/completions Stream/ }).waitFor();
    await page.getByText(/per million tokens; \$\d/).waitFor();
    await page.getByRole("button", { name: "Show the source" }).click();
    await page.getByText('chute = Chute(username="chutes", name="dev/echo")').waitFor();
    expect(await page.getByRole("button", { name: "Delete" }).count()).toBe(0);
  });

  test("a private chute is shared, or refused in the platform's words, and deleted", async () => {
    await deploy(platform, "short-lived");
    const { page } = await signedIn(`/console/chutes/${chuteIdOf("developer", "short-lived")}`);
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("textbox", { name: "Username or user id" }).fill("nobody-at-all");
    await page.getByRole("dialog").getByRole("button", { name: "Share", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await page.getByRole("textbox", { name: "Username or user id" }).fill("chutes");
    await page.getByRole("dialog").getByRole("button", { name: "Share", exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete the chute" }).click();
    await page.getByText("Deleted short-lived.").waitFor();
    expect(new URL(page.url()).pathname).toBe("/console/chutes");
  });

  test("the playground streams an answer, tells its pace, and keeps the conversation while one looks around", async () => {
    const { page, problems } = await signedIn("/console/playground");
    await page.getByRole("combobox", { name: "Model" }).selectOption({ label: "dev/echo (hot)" });
    const message = page.getByRole("textbox", { name: /^Your message/ });
    await message.fill("one two three four five six seven eight nine ten");
    await message.press("Enter");
    const answer = page.getByRole("article", { name: "Model" });
    await answer.getByText(/^one two/).waitFor();
    await answer.getByText(/\d+ tokens · [\d.]+ tokens\/s · first after/).waitFor();
    await answer.getByText("one two three four five six seven eight nine ten").waitFor();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("link", { name: "Playground" }).click();
    await page.getByRole("article", { name: "You" }).waitFor();
    await takePicture(page, "playground");
    expect(problems).toEqual([]);
  });

  test("a running answer can be stopped; what had come stays", async () => {
    const { page } = await signedIn("/console/playground");
    const message = page.getByRole("textbox", { name: /^Your message/ });
    await message.fill("word ".repeat(400));
    await page.getByRole("button", { name: "Send" }).click();
    await page
      .getByRole("article", { name: "Model" })
      .getByText(/^word word word/)
      .waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/^Stopped by you · \d+ tokens/).waitFor();
    await message.fill("again");
    expect(await page.getByRole("button", { name: "Send" }).isEnabled()).toBe(true);
  });

  test("a model that does not exist is refused in words", async () => {
    const { page } = await signedIn("/console/playground");
    await page.getByRole("combobox", { name: "Model" }).selectOption({ label: "Another model…" });
    await page.getByRole("textbox", { name: "Name or id of the model" }).fill("no/such-model");
    await page.getByRole("textbox", { name: /^Your message/ }).fill("hello");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").getByText("model not found: no/such-model").waitFor();
  });
});

/** Deploys a private chute of the developer, as the SDK does. */
async function deploy(
  { apiUrl, developer }: DevPlatform,
  name: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const own = { name, image: DEMO_IMAGE.reference, standard_template: "vllm", cords: TEMPLATE_CORDS.vllm };
  const revision = "0123456789abcdef0123456789abcdef01234567";
  const body = JSON.stringify(deployBody({ ...own, revision, ...changes }));
  const headers = {
    "content-type": "application/json",
    ...signedHeaders(keypairFromSeed(developer.seed), { body }, new Date()),
  };
  const answer = await fetch(`${apiUrl}/chutes/?accept_fee=true`, { method: "POST", headers, body });
  if (answer.status !== 200) throw new Error(`deploying answered ${answer.status}: ${await answer.text()}`);
}
