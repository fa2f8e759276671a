const GROUPS = 8;

/**
 * Address form of an axon's number: dotted for IPv4, shortest colon form for IPv6. Anything that is neither (type 0, a number too
 * large) reads as the unset address `0.0.0.0`. @see protocol 07 §2.2
 */
export function axonAddress(ip: bigint, ipType: number): string {
  if (ipType === 4 && ip < 1n << 32n) return dotted(Number(ip));
  if (ipType === 6 && ip < 1n << 128n) return colons(ip);
  return "0.0.0.0";
}

function dotted(ip: number): string {
  return [24, 16, 8, 0].map((shift) => (ip >>> shift) & 0xff).join(".");
}

function colons(ip: bigint): string {
  const digits = ip.toString(16).padStart(GROUPS * 4, "0");
  const groups = Array.from({ length: GROUPS }, (_, index) => digits.slice(index * 4, index * 4 + 4));
  // A URL's host is written in the shortest form, in brackets.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
