import { X509Certificate } from "node:crypto";
import { AppError } from "../../kernel/errors.js";
import { parseCommitmentV4, verifyTlsCertSignature } from "../../wire/commitment.js";
import type { InstanceTls, InstanceTransport } from "../../wire/instance-transport.js";
import { deriveSessionKey, type X25519Key } from "../../wire/session-key.js";
import { compareVersions } from "../../wire/versions.js";

/** What a container offers for the channel to it; all of it its own claim. Wire names. @see protocol 05 §6.4 */
export interface SessionOffer {
  readonly rint_commitment?: string | null | undefined;
  readonly rint_nonce?: string | null | undefined;
  /** X25519 public key, 64 hex digits. */
  readonly rint_pubkey?: string | null | undefined;
  readonly tls_cert?: string | null | undefined;
  readonly tls_cert_sig?: string | null | undefined;
  readonly tls_ca_cert?: string | null | undefined;
  readonly tls_client_cert?: string | null | undefined;
  readonly tls_client_key?: string | null | undefined;
  readonly e2e_pubkey?: string | null | undefined;
}

export interface SessionContext {
  readonly configId: string;
  /** The nonce handed out for this launch, 32 hex digits; null before SDK 0.4.9. */
  readonly nonce: string | null;
  readonly chutesVersion: string | null;
  /** The validator's ephemeral key of this claim. */
  readonly ownKey: X25519Key;
}

export interface LaunchSession {
  readonly transport: InstanceTransport;
  /** Validator's public key, for the container to derive the same session; absent without one. */
  readonly validatorPublicHex?: string;
}

const SESSION_SINCE = "0.5.5";
const OLD_SESSION_SINCE = "0.5.1";

/** Name that the certificate of an instance must carry. @see protocol 04 §6.1 */
function certificateName(configId: string): string {
  return `${configId}.int.chutes.dev`;
}

/**
 * Checks what the container offers and derives the channel to it. Everything in the offer must belong to this launch: the
 * commitment and the session to its nonce, the certificate to its id.
 * @throws AppError `forbidden` saying which part does not hold
 * @see protocol 05 §6.9
 */
export function openSession(offer: SessionOffer, context: SessionContext): LaunchSession {
  requireSessionKey(offer, context.chutesVersion);
  const commitmentKey = checkCommitment(offer, context);
  const tls = tlsOf(offer, context, commitmentKey);
  const keys = sessionOf(offer, context);
  const transport: InstanceTransport = {
    ...(keys && { sessionKeyHex: keys.sessionKeyHex }),
    ...(tls && { tls }),
    ...(offer.rint_commitment && { rintCommitment: offer.rint_commitment }),
    ...(offer.rint_nonce && { rintNonce: offer.rint_nonce }),
    ...(offer.e2e_pubkey && { e2ePubkey: offer.e2e_pubkey }),
  };
  return { transport, ...(keys && { validatorPublicHex: context.ownKey.publicKeyHex }) };
}

/** A container that encrypts with a session key cannot be called without one. */
function requireSessionKey(offer: SessionOffer, chutesVersion: string | null): void {
  if (compareVersions(chutesVersion, SESSION_SINCE) >= 0) {
    if (!offer.rint_pubkey || !offer.rint_nonce) throw refusal(`SDK ${chutesVersion} must offer a session key`);
  } else if (compareVersions(chutesVersion, OLD_SESSION_SINCE) >= 0) {
    throw new AppError(
      "unavailable",
      `instances of SDK ${chutesVersion} are not supported: rebuild the image with ${SESSION_SINCE} or newer`,
    );
  }
}

/** @returns the runtime's Ed25519 key */
function checkCommitment(offer: SessionOffer, { nonce }: SessionContext): string | undefined {
  if (offer.rint_nonce && nonce !== null && offer.rint_nonce.toLowerCase() !== nonce) {
    throw refusal("rint_nonce is not the nonce of this launch");
  }
  if (!offer.rint_commitment) return undefined;
  const commitment = parseCommitmentV4(offer.rint_commitment);
  if (commitment === undefined) throw refusal("rint_commitment is invalid");
  if (commitment.nonce !== (nonce ?? offer.rint_nonce?.toLowerCase())) {
    throw refusal("rint_commitment was made for another launch");
  }
  return commitment.publicKey;
}

function tlsOf(
  offer: SessionOffer,
  context: SessionContext,
  commitmentKey: string | undefined,
): InstanceTls | undefined {
  if (!offer.tls_cert) return undefined;
  const commonName = certificateName(context.configId);
  if (subjectName(offer.tls_cert) !== commonName) throw refusal(`tls_cert must be issued to ${commonName}`);
  if (commitmentKey !== undefined) checkCertSignature(offer, commitmentKey, offer.tls_cert);
  return {
    commonName,
    certPem: offer.tls_cert,
    ...(offer.tls_ca_cert && { caPem: offer.tls_ca_cert }),
    ...(offer.tls_client_cert && { clientCertPem: offer.tls_client_cert }),
    ...(offer.tls_client_key && { clientKeyPem: offer.tls_client_key }),
  };
}

function checkCertSignature(offer: SessionOffer, publicKeyHex: string, certPem: string): void {
  const signed = { certPem, nonce: offer.rint_nonce ?? "", signatureHex: offer.tls_cert_sig ?? "", publicKeyHex };
  if (!verifyTlsCertSignature(signed)) throw refusal("tls_cert_sig does not verify");
}

function subjectName(pem: string): string | undefined {
  try {
    return /^CN=(.+)$/m.exec(new X509Certificate(pem).subject)?.[1];
  } catch (cause) {
    throw new AppError("forbidden", "tls_cert is not a PEM certificate", { cause });
  }
}

function sessionOf(offer: SessionOffer, { ownKey }: SessionContext): { sessionKeyHex: string } | undefined {
  if (!offer.rint_pubkey || !offer.rint_nonce) return undefined;
  const key = deriveSessionKey({
    privateKey: ownKey.privateKey,
    peerPublicHex: offer.rint_pubkey,
    minerPublicHex: offer.rint_pubkey,
    validatorPublicHex: ownKey.publicKeyHex,
    nonceHex: offer.rint_nonce,
  });
  return { sessionKeyHex: key.toString("hex") };
}

function refusal(message: string): AppError {
  return new AppError("forbidden", message);
}
