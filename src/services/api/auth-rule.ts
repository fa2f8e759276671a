import type { Account, ApiKeyGrant } from "../../domain/accounts/account.js";
import type { RegisteredMiner } from "../../domain/metagraph/miner.js";

/** What a route asks of its caller; stands in the route's `config.auth`. Absent = public. */
export interface AuthRule {
  /** Third field of the signed message. Without it the body hash is signed. @see protocol 01 §2.7 */
  readonly purpose?: string;
  /** The hotkey must sign and be in the subnet's metagraph; no account needed. */
  readonly registered?: boolean;
  /** A caller without credentials is served; a bad credential still fails. */
  readonly anonymous?: boolean;
  /** Only the signature is required, no account (registration). */
  readonly accountless?: boolean;
  /**
   * The account's raw fingerprint in `Authorization` is a credential: the `only` one, or `also` one beside a signature and an
   * admin API key (any other key is then 403, and session tokens are not taken). @see protocol 01 §3, §6.6
   */
  readonly fingerprint?: "only" | "also";
  /**
   * Path parameter with the id or name of the one object the route is about. Without it, a scoped API key needs a scope for
   * all objects. @see protocol 01 §4.3
   */
  readonly scopeParam?: string;
}

/** Who is calling, proven. Handlers take the hotkey from here and never from a header. */
export interface Principal {
  /** Verified hotkey when the request was signed. */
  readonly hotkey?: string;
  readonly account?: Account;
  readonly miner?: RegisteredMiner;
  /** Present when an API key was used. */
  readonly apiKey?: ApiKeyGrant;
  /** Present when a session token was used. */
  readonly session?: true;
  /** Present when the raw fingerprint was used. */
  readonly fingerprint?: true;
}

declare module "fastify" {
  interface FastifyRequest {
    principal: Principal;
  }
  interface FastifyContextConfig {
    auth?: AuthRule;
  }
}
