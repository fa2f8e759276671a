import { useEffect, useState } from "preact/hooks";
import { wordsOf } from "../api/client.js";
import { type Hosts, readHosts } from "../api/hosts.js";
import { Failure, Loading } from "../parts/states.js";
import { RouterProvider } from "./router.js";
import { SignIn } from "./sign-in.js";
import { AppearanceProvider } from "./theme.js";
import { ToastProvider } from "./toasts.js";

export function App() {
  return (
    <AppearanceProvider>
      <RouterProvider>
        <ToastProvider>
          <WithHosts />
        </ToastProvider>
      </RouterProvider>
    </AppearanceProvider>
  );
}

/** Nothing works before the console knows where the platform's hosts are. */
function WithHosts() {
  const [hosts, setHosts] = useState<Hosts>();
  const [error, setError] = useState<string>();
  const load = () => {
    setError(undefined);
    readHosts().then(setHosts, (cause: unknown) => setError(wordsOf(cause)));
  };
  useEffect(load, []);
  if (hosts !== undefined) return <SignIn hosts={hosts} />;
  return (
    <main class="bare">
      {error === undefined ? <Loading what="the console" /> : <Failure message={error} onRetry={load} />}
    </main>
  );
}
