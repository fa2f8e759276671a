/**
 * What a claim leaves behind for whoever calls the instance. Stored as JSON in `instances.transport`; never leaves the platform.
 * @see protocol 04 §6, 05 §6.4, §6.9
 */
export interface InstanceTransport {
  /** 32-byte ChaCha20-Poly1305 key of the X25519 session, 64 hex digits. Absent before SDK 0.5.5. */
  readonly sessionKeyHex?: string;
  readonly tls?: InstanceTls;
  /** Runtime commitment as received, hex. */
  readonly rintCommitment?: string;
  /** 16-byte nonce that the session key was salted with, hex. */
  readonly rintNonce?: string;
  /** ML-KEM-768 public key, base64. */
  readonly e2ePubkey?: string;
  /** Runs in a CPU enclave: the certificate's name is not checked. */
  readonly cpuTee?: boolean;
}

/** Certificates of an instance that serves HTTPS. PEM texts as received. */
export interface InstanceTls {
  /** Subject CN of the server certificate: `<config_id>.int.chutes.dev`. */
  readonly commonName: string;
  /** Pinned server certificate. */
  readonly certPem: string;
  readonly caPem?: string;
  /** What the caller presents, when the instance demands a client certificate. */
  readonly clientCertPem?: string;
  readonly clientKeyPem?: string;
}

/** An instance that may be called: active and verified. */
export interface InstanceTarget {
  readonly instanceId: string;
  readonly chuteId: string;
  readonly minerUid: number;
  readonly minerHotkey: string;
  readonly minerColdkey: string;
  readonly host: string;
  readonly port: number;
  /** SDK version baked into the image: decides the cipher generation. Null counts as 0.0.0. */
  readonly chutesVersion: string | null;
  readonly configId: string | null;
  /** 16-byte key of the older cipher generations, 32 hex digits. */
  readonly symmetricKeyHex: string | null;
  readonly transport: InstanceTransport;
  /** Current multiplier: what an invocation row records. */
  readonly computeMultiplier: number;
  /** Who pays for the instance while it is private; null for public ones. */
  readonly billedTo: string | null;
  /** Activated by claiming a bounty. */
  readonly bounty: boolean;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
}
