import { createHash } from "node:crypto";
import { isIPv6, SocketAddress } from "node:net";
import { CORD_KEYS, type Cord } from "./cords.js";
import { blake2b512Hex } from "./hashes.js";
import { stringifyJson } from "./json.js";

/** Namespace of every derived id unless said otherwise (RFC 4122 OID). @see protocol 01 §0 */
export const NS_OID = "6ba7b812-9dad-11d1-80b4-00c04fd430c8";

const UUID_SHAPE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether the text is a hyphenated UUID of any version, in either case. */
export function isUuid(text: string): boolean {
  return UUID_SHAPE.test(text);
}

/** Version-5 UUID over the UTF-8 of the name, lower case with hyphens. @see protocol 01 §0 */
export function uuid5(name: string, namespace: string = NS_OID): string {
  const space = Buffer.from(namespace.replaceAll("-", ""), "hex");
  const bytes = createHash("sha1").update(space).update(name, "utf8").digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return hyphenated(bytes.toString("hex"));
}

/** UUID text of 32 hex digits. */
export function hyphenated(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Id of a chute; the SDK derives the same one, with case as stored. @see protocol 03 §2 */
export function chuteIdOf(username: string, name: string): string {
  return uuid5(`${username}::chute::${name}`);
}

/** Id of an image: the SDK lower-cases the whole text. @see protocol 01 §6.1 */
export function imageIdOf(image: { readonly username: string; readonly name: string; readonly tag: string }): string {
  return uuid5(`${image.username}/${image.name}:${image.tag}`.toLowerCase());
}

/** Version of a chute's source on an image; changes with the image's patch as well. @see protocol 03 §2 (recipe C) */
export function chuteVersionOf(parts: {
  readonly imageId: string;
  readonly patchVersion: string | null;
  readonly code: string;
}): string {
  return uuid5(`${parts.imageId}:${parts.patchVersion ?? "None"}:${parts.code}`);
}

/** What is stored of an account's master secret: 128 hex digits. @see protocol 01 §5.1 */
export function fingerprintHash(fingerprint: string): string {
  return blake2b512Hex(fingerprint);
}

/** User id at creation; it stays when the fingerprint changes. @see protocol 01 §5.1 */
export function userIdOf(hash: string): string {
  return uuid5(hash);
}

/** Id of a chute's environment secret. @see protocol 01 §12 */
export function secretIdOf(parts: { readonly userId: string; readonly chuteId: string; readonly key: string }): string {
  return uuid5(`${parts.userId}:${parts.chuteId}:${parts.key}`);
}

/** Id of an audit entry. @see protocol 08 §2.7 */
export function auditEntryId(hotkey: string, block: number): string {
  return uuid5(`${hotkey}.${block}`);
}

/** Proof that a call arrived from an address, comparable across both ends. @see protocol 01 §15.2 */
export function ipToken(parts: {
  readonly ip: string;
  readonly serverSalt: string;
  readonly salt?: string | undefined;
}): string {
  const base = `${canonicalIp(parts.ip)}:${parts.serverSalt}`;
  return uuid5(parts.salt === undefined ? base : `${base}:${parts.salt}`);
}

/** Id of a job's output file. @see protocol 01 §15.1 */
export function jobFileId(jobId: string, filename: string): string {
  return uuid5(filename, jobId);
}

/**
 * Join key between a listed chute and its cords. For `vllm` chutes give the chute's name: it is blanked where it is a
 * default, so that all of them share one definition. @see protocol 03 §9.3
 */
export function cordRefId(cords: readonly Cord[], vllmChuteName?: string): string {
  const text = stringifyJson(cords.map((cord) => Object.fromEntries(CORD_KEYS.map((key) => [key, cord[key]]))));
  if (vllmChuteName === undefined) return uuid5(text);
  return uuid5(text.replaceAll(`"default":${JSON.stringify(vllmChuteName)}`, '"default":""'));
}

/** Index of the connection-counter shard of a chute. @see protocol 04 §5.2 */
export function shardOf(chuteId: string, shards: number): number {
  return Number(BigInt(`0x${chuteId.replaceAll("-", "")}`) % BigInt(shards));
}

/** Identifies the same body sent by the same user to the same chute. @see protocol 04 §10.4 */
export function repeatRequestId(parts: {
  readonly userId: string;
  readonly bodySha256: string;
  readonly chuteId: string;
}): string {
  return uuid5(`${parts.userId}:${parts.bodySha256}:${parts.chuteId}`);
}

/** One spelling per address: shortest IPv6 form, and an IPv4-mapped address as plain IPv4. */
function canonicalIp(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const { address } = new SocketAddress({ address: ip, family: "ipv6" });
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
