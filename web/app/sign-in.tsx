import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { readAccount } from "../api/account.js";
import { openApi } from "../api/client.js";
import type { Hosts } from "../api/hosts.js";
import { LoginPage } from "../pages/login-page.js";
import { Failure, Loading } from "../parts/states.js";
import { SignedIn } from "./signed-in.js";
import { forgetToken, onTokenForgotten, storedToken, storeToken } from "./token-store.js";
import { useLoaded } from "./use-loaded.js";

/** Decides between the login page and the console. */
export function SignIn({ hosts }: { hosts: Hosts }) {
  const [token, setToken] = useState(storedToken);
  const [notice, setNotice] = useState<string>();
  const logOut = useCallback((reason?: string) => {
    forgetToken();
    setToken(undefined);
    setNotice(reason);
  }, []);
  useEffect(() => onTokenForgotten(() => logOut("You signed out in another tab.")), [logOut]);
  const logIn = (fresh: string, staySignedIn: boolean) => {
    storeToken(fresh, staySignedIn);
    setToken(fresh);
    setNotice(undefined);
  };
  if (token === undefined) return <LoginPage notice={notice} onLogIn={logIn} />;
  return <Known key={token} token={token} hosts={hosts} logOut={logOut} />;
}

interface KnownProps {
  readonly token: string;
  readonly hosts: Hosts;
  readonly logOut: (reason?: string) => void;
}

/** Reads whose session it is. */
function Known({ token, hosts, logOut }: KnownProps) {
  const api = useMemo(() => openApi(token, (message) => logOut(`You were signed out: ${message}`)), [token, logOut]);
  const account = useLoaded((signal) => readAccount(api, signal), [api]);
  if (account.value !== undefined) return <SignedIn {...{ api, hosts, logOut }} account={account.value} />;
  return (
    <main class="bare">
      {account.error === undefined ? (
        <Loading what="your account" />
      ) : (
        <Failure message={account.error} onRetry={account.reload} />
      )}
    </main>
  );
}
