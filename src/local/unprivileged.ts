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

/** Words that make a child end when its parent is killed; none where setpriv is missing. */
export function dieWithParent(): readonly string[] {
  return SETPRIV === undefined ? [] : [SETPRIV, "--pdeathsig", "INT"];
}

/**
 * Postgres refuses root. Under root it runs as `nobody`, keeping only the right to pass through folders it may not read (a clone
 * in /root); under anybody else it runs as that user. Where setpriv exists the child also ends when its parent is killed.
 */
export function unprivileged(): Unprivileged {
  const prefix = dieWithParent();
  if (userInfo().uid !== 0) return { prefix, owner: undefined };
  if (prefix.length === 0) return { prefix, owner: NOBODY };
  const rights = [
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--securebits=+no_setuid_fixup",
  ];
  return {
    prefix: [...prefix, `--reuid=${NOBODY.uid}`, `--regid=${NOBODY.gid}`, "--clear-groups", ...rights],
    owner: NOBODY,
  };
}
