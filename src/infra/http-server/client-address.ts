import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv4 } from "node:net";
import { AppError } from "../../kernel/errors.js";

export type TrustedProxies = BlockList;

/**
 * Parses a comma list of addresses and CIDRs.
 * @throws AppError `config` naming the bad entry
 */
export function trustedProxies(list: string): TrustedProxies {
  const trusted = new BlockList();
  for (const entry of list
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address);
    if (family === 0)
      throw new AppError("config", `listen.trustedProxies: ${entry} is not an address or CIDR`, {
        code: "CFG001",
        fix: "e.g. 10.0.0.0/8",
      });
    const name = family === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) trusted.addAddress(address, name);
    else trusted.addSubnet(address, Number(bits), name);
  }
  return trusted;
}

/**
 * Address of the caller: the right-most hop of X-Forwarded-For that is not a trusted proxy, or the peer itself when the peer is
 * not trusted. IPv4-mapped IPv6 is written as IPv4.
 * @see protocol 01 §9.5
 */
export function clientAddress(request: IncomingMessage, proxies: TrustedProxies): string {
  let address = canonical(request.socket.remoteAddress ?? "");
  const forwarded = request.headers["x-forwarded-for"];
  const hops = (Array.isArray(forwarded) ? forwarded.join(",") : (forwarded ?? ""))
    .split(",")
    .map((hop) => canonical(hop.trim()));
  while (hops.length > 0 && isTrusted(address, proxies)) {
    const hop = hops.pop() ?? "";
    if (isIP(hop) === 0) break;
    address = hop;
  }
  return address;
}

function isTrusted(address: string, proxies: TrustedProxies): boolean {
  return isIP(address) !== 0 && proxies.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function canonical(address: string): string {
  return address.startsWith("::ffff:") && isIPv4(address.slice(7)) ? address.slice(7) : address;
}
