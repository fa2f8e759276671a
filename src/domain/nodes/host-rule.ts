import { BlockList, isIP } from "node:net";
import { AppError } from "../../kernel/errors.js";

export interface HostPolicy {
  /** Lab networks: private and loopback hosts are fine, and names are not resolved. */
  readonly allowPrivate: boolean;
  /** All addresses of a name; rejects when there are none or it takes too long. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
}

const LABEL = /^(?!-)[a-z\d-]{1,63}(?<!-)$/i;
const LONGEST_HOST = 255;

/** Networks that a miner on the open internet cannot be in: private, shared, local, documentation, multicast, reserved, tunnels. */
const NOT_PUBLIC = blockList(
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4",
  "::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8",
);

/**
 * Accepts a host that a miner announces: a DNS name or IPv4 literal whose every address is public.
 * @throws AppError `invalid` naming the host
 * @see protocol 05 §3.2
 */
export async function checkHost(host: string, policy: HostPolicy): Promise<void> {
  if (!hasHostShape(host)) throw new AppError("invalid", `Invalid host: ${host.slice(0, LONGEST_HOST)}`);
  if (policy.allowPrivate) return;
  const addresses = isIP(host) === 0 ? await addressesOf(host, policy) : [host];
  if (!addresses.every(isPublicAddress)) throw new AppError("invalid", `Host is not a public address: ${host}`);
}

/** Dot-separated labels; an IPv6 literal therefore never passes. */
function hasHostShape(host: string): boolean {
  return host.length <= LONGEST_HOST && host.split(".").every((label) => LABEL.test(label));
}

/** Whether an IP literal lies outside every private and special network. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !NOT_PUBLIC.check(address, family === 4 ? "ipv4" : "ipv6");
}

async function addressesOf(name: string, { resolve }: HostPolicy): Promise<readonly string[]> {
  const addresses = await resolve(name).catch((): readonly string[] => []);
  if (addresses.length === 0) throw new AppError("invalid", `Host cannot be resolved: ${name}`);
  return addresses;
}

function blockList(ipv4: string, ipv6: string): BlockList {
  const list = new BlockList();
  for (const [networks, family] of [[ipv4, "ipv4"] as const, [ipv6, "ipv6"] as const]) {
    for (const network of networks.split(" ")) {
      const [address = "", bits] = network.split("/");
      list.addSubnet(address, Number(bits), family);
    }
  }
  return list;
}
