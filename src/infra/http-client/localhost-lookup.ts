import { type LookupAddress, type LookupOptions, lookup } from "node:dns";

type Answer = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/**
 * A `lookup` for sockets and undici's `connect` that finds `localhost` and every name below it on this machine, as browsers
 * do; glibc asks DNS for `llm.localhost` and fails. Other names go to the system.
 * @see RFC 6761 §6.3
 */
export function localhostLookup(hostname: string, options: LookupOptions, answer: Answer): void {
  if (!/(^|\.)localhost\.?$/i.test(hostname)) {
    lookup(hostname, options, answer);
    return;
  }
  const family = options.family === 6 || options.family === "IPv6" ? 6 : 4;
  const address = family === 6 ? "::1" : "127.0.0.1";
  // Never before `lookup` has returned: callers rely on that, as they may with the system's.
  process.nextTick(() => (options.all === true ? answer(null, [{ address, family }]) : answer(null, address, family)));
}
