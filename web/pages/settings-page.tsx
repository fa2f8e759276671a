import { useSession } from "../app/session.js";
import { THEMES, type Theme, useAppearance } from "../app/theme.js";
import { Choice } from "../parts/choice.js";
import { CodeBlock } from "../parts/code-block.js";
import { PageHead } from "../parts/page-head.js";
import { callSnippet, sdkConfig } from "./snippets.js";

const THEME_LABELS: Readonly<Record<Theme, string>> = { system: "As the system", light: "Light", dark: "Dark" };
const THEME_OPTIONS = THEMES.map((value) => ({ value, label: THEME_LABELS[value] }));

export function SettingsPage() {
  const { account, hosts, logOut } = useSession();
  const { theme, setTheme } = useAppearance();
  return (
    <>
      <PageHead title="Settings" intro="How your programs reach this platform, and how this console looks." />
      <section class="card" aria-labelledby="sdk-title">
        <h2 id="sdk-title" class="card-title">
          Configuration of the chutes SDK
        </h2>
        <p class="label">
          Save it as <code>~/.chutes/config.ini</code> and put the seed of your hotkey in: it never leaves your machine,
          so it is not known here.
        </p>
        <CodeBlock code={sdkConfig(account, hosts)} what="SDK configuration" />
      </section>
      <section class="card" aria-labelledby="call-title">
        <h2 id="call-title" class="card-title">
          Call a model
        </h2>
        <p class="label">Any OpenAI client works with this host and an API key.</p>
        <CodeBlock code={callSnippet(hosts)} what="example call" />
      </section>
      <section class="card" aria-labelledby="permissions-title">
        <h2 id="permissions-title" class="card-title">
          What your account may do
        </h2>
        {account.permissions.length === 0 ? (
          <p class="label">The ordinary things: no special permissions.</p>
        ) : (
          <ul class="plain-list">
            {account.permissions.map((permission) => (
              <li key={permission}>{permission}</li>
            ))}
          </ul>
        )}
      </section>
      <section class="card" aria-labelledby="look-title">
        <h2 id="look-title" class="card-title">
          Appearance
        </h2>
        <Choice label="Appearance" options={THEME_OPTIONS} value={theme} onChange={setTheme} />
      </section>
      <button type="button" class="button" onClick={logOut}>
        Log out
      </button>
    </>
  );
}
