import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Account } from "../api/account.js";
import type { Api } from "../api/client.js";
import type { Hosts } from "../api/hosts.js";
import type { Conversation } from "./use-conversation.js";
import type { LiveEvents } from "./use-live-events.js";

/** What every page behind the login has at hand. */
export interface Session {
  readonly api: Api;
  readonly account: Account;
  readonly hosts: Hosts;
  readonly events: LiveEvents;
  readonly conversation: Conversation;
  logOut(): void;
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("useSession needs a signed-in user");
  return session;
}
