import { existsSync } from "node:fs";
import { userInfo } from "node:os";

/** How to start a program that refuses to run as root. */
export interface Unprivileged {
  /** Words to put before the program and its arguments. */
  readonly prefix: readonly string[];
  /** Who must own the files it writes; undefined when the current user does. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

const NOBODY = { uid: 65_534, gid: 65_534 };
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"].find(existsSync);

/**
 * Postgres refuses root. Under root it runs as `nobody`, keeping only the right to pass through folders it may not read (a clone
 * in /root); under anybody else it runs as that user. Where setpriv exists the child also ends when its parent is killed.
 */
export function unprivileged(): Unprivileged {
  if (SETPRIV === undefined) return { prefix: [], owner: userInfo().uid === 0 ? NOBODY : undefined };
  const dieWithParent = [SETPRIV, "--pdeathsig", "INT"];
  if (userInfo().uid !== 0) return { prefix: dieWithParent, owner: undefined };
  const rights = [
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--securebits=+no_setuid_fixup",
  ];
  return {
    prefix: [...dieWithParent, `--reuid=${NOBODY.uid}`, `--regid=${NOBODY.gid}`, "--clear-groups", ...rights],
    owner: NOBODY,
  };
}
