import { generateKeyPairSync, randomBytes } from "node:crypto";
import { newCommitmentV4, signTlsCert } from "../wire/commitment.js";
import { deriveSessionKey, newX25519 } from "../wire/session-key.js";
import { newTlsMaterial, type TlsMaterial } from "./tls-material.js";

const PROOF_BYTES = 32;

/** What one instance binds itself to, made for one launch. */
export interface RuntimeKeys {
  readonly tls: TlsMaterial;
  /** The members of the claim that carry the public side. @see protocol 05 §6.4 */
  readonly offer: Readonly<Record<string, string>>;
  /** Key of all calls, once the validator's public key is known. */
  sessionKey(validatorPublicHex: string): Buffer;
}

/**
 * Fresh keys and certificates bound to the launch's nonce (32 hex digits). The commitment's library proof is random: this runtime
 * has no closed library to prove. @see protocol 05 §6.9
 */
export async function newRuntimeKeys(input: { configId: string; nonce: string; now: Date }): Promise<RuntimeKeys> {
  const { nonce } = input;
  const session = newX25519();
  const { privateKey } = generateKeyPairSync("ed25519");
  const tls = await newTlsMaterial(input);
  const proofHex = randomBytes(PROOF_BYTES).toString("hex");
  return {
    tls,
    offer: {
      rint_commitment: newCommitmentV4({ privateKey, nonceHex: nonce, proofHex }),
      rint_nonce: nonce,
      rint_pubkey: session.publicKeyHex,
      tls_cert: tls.serverCertPem,
      tls_cert_sig: signTlsCert({ certPem: tls.serverCertPem, nonce, privateKey }),
      tls_ca_cert: tls.caCertPem,
      tls_client_cert: tls.clientCertPem,
      tls_client_key: tls.clientKeyPem,
    },
    sessionKey: (validatorPublicHex) =>
      deriveSessionKey({
        privateKey: session.privateKey,
        peerPublicHex: validatorPublicHex,
        minerPublicHex: session.publicKeyHex,
        validatorPublicHex,
        nonceHex: nonce,
      }),
  };
}
