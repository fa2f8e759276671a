import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chuteIdOf } from "../../src/wire/ids.js";
import {
  accessibilityProblems,
  type DevPlatform,
  hasBrowser,
  logIn,
  openPage,
  startBrowser,
  startDevPlatform,
  takePicture,
} from "../support/browser.js";

const PAGES = [
  { path: "/", heading: /^Hello/, name: "overview" },
  { path: "/console/chutes", heading: "Chutes", name: "chutes" },
  { path: `/console/chutes/${chuteIdOf("chutes", "dev/echo")}`, heading: "dev/echo", name: "chute" },
  { path: "/console/playground", heading: "Playground", name: "playground" },
  { path: "/console/keys", heading: "API keys", name: "keys" },
  { path: "/console/settings", heading: "Settings", name: "settings" },
] as const;

describe.skipIf(!hasBrowser)("the console is for everybody", () => {
  let platform: DevPlatform;
  let browser: Browser;

  beforeAll(async () => {
    [platform, browser] = await Promise.all([startDevPlatform(), startBrowser()]);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  }, 30_000);

  test.each(["light", "dark"] as const)(
    "axe finds nothing wrong with any page or dialog in %s",
    async (colorScheme) => {
      const { page, problems } = await openPage(browser, platform.apiUrl, { colorScheme });
      const found: Record<string, string[]> = {};
      const examine = async (name: string) => {
        await takePicture(page, `${name}-${colorScheme}`);
        const wrong = await accessibilityProblems(page);
        if (wrong.length > 0) found[name] = wrong;
      };
      await page.goto("/console/login");
      await page.getByRole("heading", { name: "Log in" }).waitFor();
      await examine("login");
      await logIn(page, platform.developer.fingerprint);
      for (const { path, heading, name } of PAGES) {
        await show(page, path, heading);
        await examine(name);
      }
      await show(page, "/console/keys", "API keys");
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByRole("dialog").waitFor();
      await examine("new-key");
      expect(found).toEqual({});
      expect(problems).toEqual([]);
    },
  );

  test("nothing is wider than a small phone", async () => {
    const { page } = await openPage(browser, platform.apiUrl, { width: 360 });
    await logIn(page, platform.developer.fingerprint);
    for (const { path, heading, name } of PAGES) {
      await show(page, path, heading);
      await takePicture(page, `${name}-narrow`);
      const overflowPx = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      expect(await page.evaluate(overflowPx), path).toBe(0);
    }
  });

  test("every page can be opened by its address, and an unknown one is not a page", async () => {
    const { page } = await openPage(browser, platform.apiUrl);
    await logIn(page, platform.developer.fingerprint);
    for (const { path, heading } of PAGES) {
      expect((await page.goto(path))?.status()).toBe(200);
      await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
    }
    expect((await page.goto("/console/nothing"))?.status()).toBe(404);
  });

  test("the keyboard alone is enough from the login to an answer of the playground", async () => {
    const { page } = await openPage(browser, platform.apiUrl);
    await page.goto("/");
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await tabTo(page, "textbox", "Fingerprint");
    await page.keyboard.type(platform.developer.fingerprint);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: /^Hello/ }).waitFor();
    await page.evaluate("document.activeElement.blur()");
    await tabTo(page, "link", "Skip to content");
    await tabTo(page, "link", "Playground");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Playground" }).waitFor();
    await page
      .getByRole("combobox", { name: "Model" })
      .getByRole("option", { name: "dev/echo" })
      .waitFor({ state: "attached" });
    await tabTo(page, "textbox", /^Your message/);
    await page.keyboard.type("hello there");
    await page.keyboard.press("Enter");
    await page.getByRole("article", { name: "Model" }).getByText("hello there").waitFor();
  });

  test("a dialog keeps the focus, closes by Escape, and gives the focus back", async () => {
    const { page } = await openPage(browser, platform.apiUrl);
    await logIn(page, platform.developer.fingerprint, "/console/keys");
    const button = page.getByRole("button", { name: "New key" });
    await button.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    for (let step = 0; step < 14; step += 1) {
      await page.keyboard.press("Tab");
      // Between its last and its first element the focus is on the browser itself.
      expect(await page.locator(":focus:not(dialog *, body, html)").count()).toBe(0);
    }
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await button.and(page.locator(":focus")).waitFor();
  });

  test("the appearance follows the system until it is chosen, and the choice stays", async () => {
    const { page } = await openPage(browser, platform.apiUrl, { colorScheme: "dark" });
    await logIn(page, platform.developer.fingerprint, "/console/settings");
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const dark = await ground();
    await page.getByText("Light", { exact: true }).click();
    await expect.poll(ground).not.toBe(dark);
    const light = await ground();
    await page.reload();
    await page.getByRole("heading", { name: "Settings" }).waitFor();
    expect(await ground()).toBe(light);
  });
});

/** Opens a page of the console by its address and waits until everything on it was read. */
async function show(page: Page, path: string, heading: string | RegExp): Promise<void> {
  await page.goto(path);
  await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
  await expect.poll(() => page.getByText(/^Loading /).count()).toBe(0);
}

const MOST_STEPS = 40;

/** Presses Tab until that element has the focus. */
async function tabTo(page: Page, role: Parameters<Page["getByRole"]>[0], name: string | RegExp): Promise<void> {
  const wanted = page.getByRole(role, { name });
  for (let step = 0; step < MOST_STEPS; step += 1) {
    await page.keyboard.press("Tab");
    if ((await wanted.and(page.locator(":focus")).count()) > 0) return;
  }
  throw new Error(`${MOST_STEPS} steps with Tab did not reach ${role} ${name}`);
}
