import { useEffect, useState } from "preact/hooks";
import { wordsOf } from "../api/client.js";
import { logInByApiKey, logInByCookie, logInByFingerprint } from "../api/login.js";
import { useRouter } from "../app/router.js";
import { Choice } from "../parts/choice.js";
import { Field } from "../parts/field.js";
import { Logo } from "../parts/logo.js";
import { PageHead } from "../parts/page-head.js";
import { Failure } from "../parts/states.js";
import { ThemeSwitch } from "../parts/theme-switch.js";

interface LoginProps {
  /** Why the user is here again. */
  readonly notice: string | undefined;
  readonly onLogIn: (token: string, staySignedIn: boolean) => void;
}

const WAYS = {
  fingerprint: {
    label: "Fingerprint",
    hint: "The 32 characters that you got once, when the account was registered.",
    logIn: logInByFingerprint,
  },
  apiKey: {
    label: "API key",
    hint: "A key that starts with cpk_ and was made with full access to the account.",
    logIn: logInByApiKey,
  },
} as const;

type Way = keyof typeof WAYS;
const OPTIONS = (Object.keys(WAYS) as Way[]).map((value) => ({ value, label: WAYS[value].label }));

export function LoginPage({ notice, onLogIn }: LoginProps) {
  return (
    <div class="login">
      <main class="login-card">
        <div class="brand">
          <Logo />
          <span>Console</span>
          <ThemeSwitch />
        </div>
        <PageHead title="Log in" intro="Your balance, keys and chutes, and a playground to try models." />
        {notice !== undefined && (
          <p class="note" role="status">
            {notice}
          </p>
        )}
        <LoginForm onLogIn={onLogIn} />
        <p class="fine">
          No account yet? <code>pip install chutes</code>, then <code>chutes register</code>. The API is described at{" "}
          <a href="/docs">/docs</a>.
        </p>
      </main>
    </div>
  );
}

function LoginForm({ onLogIn }: Pick<LoginProps, "onLogIn">) {
  const [way, setWay] = useState<Way>("fingerprint");
  const [secret, setSecret] = useState("");
  const [staySignedIn, setStaySignedIn] = useState(false);
  const attempt = useAttempt((token) => onLogIn(token, staySignedIn));
  const { query, replace } = useRouter();
  useEffect(() => {
    if (!query.has("session")) return;
    // Taken off the address at once, or logging out would log in again.
    replace("/");
    attempt.start(logInByCookie());
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    attempt.start(WAYS[way].logIn(secret.trim()));
  };
  const { label, hint } = WAYS[way];
  return (
    <form class="stack" onSubmit={submit}>
      <Choice label="Way to log in" options={OPTIONS} value={way} onChange={setWay} />
      <Field label={label} hint={hint}>
        {(attributes) => (
          <input
            {...attributes}
            class="input mono"
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            required
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
          />
        )}
      </Field>
      <label class="check">
        <input
          type="checkbox"
          checked={staySignedIn}
          onChange={(event) => setStaySignedIn(event.currentTarget.checked)}
        />
        <span>Stay signed in on this device</span>
      </label>
      {attempt.error !== undefined && <Failure message={attempt.error} />}
      <button type="submit" class="button primary wide" disabled={attempt.isBusy}>
        {attempt.isBusy ? "Logging in…" : "Log in"}
      </button>
      <button
        type="button"
        class="button wide"
        disabled={attempt.isBusy}
        onClick={() => attempt.start(logInByCookie())}
      >
        Continue from <code>chutes login</code>
      </button>
    </form>
  );
}

/** One login at a time, and why the last one failed. */
function useAttempt(onToken: (token: string) => void) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const start = (login: Promise<string>) => {
    setBusy(true);
    setError(undefined);
    login.then(onToken, (cause: unknown) => {
      setBusy(false);
      setError(wordsOf(cause));
    });
  };
  return { isBusy, error, start };
}
