import { useCallback, useMemo } from "preact/hooks";
import type { Account } from "../api/account.js";
import type { Api } from "../api/client.js";
import type { Hosts } from "../api/hosts.js";
import { forgetCookie } from "../api/login.js";
import { ChutePage } from "../pages/chute-page.js";
import { ChutesPage } from "../pages/chutes-page.js";
import { KeysPage } from "../pages/keys-page.js";
import { OverviewPage } from "../pages/overview-page.js";
import { PlaygroundPage } from "../pages/playground-page.js";
import { SettingsPage } from "../pages/settings-page.js";
import { UnknownPage } from "../pages/unknown-page.js";
import { Layout } from "./layout.js";
import { useRouter } from "./router.js";
import { routeOf } from "./routes.js";
import { SessionContext } from "./session.js";
import { useConversation } from "./use-conversation.js";
import { useLiveEvents } from "./use-live-events.js";

interface SignedInProps {
  readonly api: Api;
  readonly account: Account;
  readonly hosts: Hosts;
  readonly logOut: () => void;
}

export function SignedIn({ api, account, hosts, logOut }: SignedInProps) {
  const events = useLiveEvents(hosts.eventsUrl);
  const conversation = useConversation(api, hosts);
  const leave = useCallback(() => {
    void forgetCookie();
    logOut();
  }, [logOut]);
  const session = useMemo(
    () => ({ api, account, hosts, events, conversation, logOut: leave }),
    [api, account, hosts, events, conversation, leave],
  );
  return (
    <SessionContext.Provider value={session}>
      <Layout>
        <Page />
      </Layout>
    </SessionContext.Provider>
  );
}

function Page() {
  const { path } = useRouter();
  const route = routeOf(path);
  switch (route.page) {
    case "overview":
    case "login":
      return <OverviewPage />;
    case "keys":
      return <KeysPage />;
    case "chutes":
      return <ChutesPage />;
    case "chute":
      return <ChutePage key={route.chuteId} chuteId={route.chuteId} />;
    case "playground":
      return <PlaygroundPage />;
    case "settings":
      return <SettingsPage />;
    case "unknown":
      return <UnknownPage />;
  }
}
