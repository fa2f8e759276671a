import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, startBinary } from "./binary.js";

/** Why tests in a browser did not run. */
export const NO_BROWSER = "no Chromium: set CHROMIUM to its path, or install it at /usr/bin/chromium";

const executablePath = process.env["CHROMIUM"] || "/usr/bin/chromium";

export const hasBrowser = existsSync(executablePath);

/** Starts the installed Chromium, which finds every `*.localhost` on this machine by itself. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

export interface DevPlatform {
  readonly apiUrl: string;
  readonly configFile: string;
  readonly developer: { readonly seed: string; readonly apiKey: string; readonly fingerprint: string };
  stop(): Promise<void>;
}

/** A whole platform of its own, with an engine slow enough to watch. */
export async function startDevPlatform(): Promise<DevPlatform> {
  build();
  const flags = ["--ephemeral", "--port", "0", "--miners", "1", "--tokens-per-second", "60", "--json"];
  const dev = startBinary(["dev", ...flags]);
  const ready = await dev.ready;
  const credentials = JSON.parse(readFileSync(String(ready["credentials_file"]), "utf8")) as Pick<
    DevPlatform,
    "developer"
  >;
  return {
    apiUrl: String(ready["api_url"]),
    configFile: String(ready["config_file"]),
    developer: credentials.developer,
    stop: async () => {
      await dev.stop();
    },
  };
}

export interface Look {
  readonly colorScheme?: "light" | "dark";
  readonly width?: number;
}

/** A page of its own browser profile. `problems` collects what its console complained about: errors, warnings, violations of the policy. */
export interface WatchedPage {
  readonly page: Page;
  readonly problems: string[];
}

export async function openPage(browser: Browser, baseURL: string, look: Look = {}): Promise<WatchedPage> {
  const context = await browser.newContext({
    baseURL,
    colorScheme: look.colorScheme ?? "light",
    viewport: { width: look.width ?? 1280, height: 860 },
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const problems: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  return { page, problems };
}

/** Logs in the way most people do. */
export async function logIn(page: Page, fingerprint: string, path = "/"): Promise<void> {
  await page.goto(path);
  await submitLogin(page, { field: "Fingerprint", secret: fingerprint });
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

/** Fills the login form that is shown, whatever comes of it. */
export async function submitLogin(page: Page, login: { field: string; secret: string }): Promise<void> {
  await page.getByText(login.field, { exact: true }).first().click();
  await page.getByRole("textbox", { name: login.field }).fill(login.secret);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
}

interface AxeResults {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}

/** What the axe rules find wrong with the page as it is shown now: rule and element. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

/** Keeps a picture for people to look at; the folder is SCREENSHOTS or one in the temporary folder. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const dir = process.env["SCREENSHOTS"] || join(tmpdir(), "console-screenshots");
  mkdirSync(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`) });
}
