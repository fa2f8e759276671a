import { randomBytes, webcrypto } from "node:crypto";

/** Extension that ties a server certificate to its launch. @see protocol 05 §6.9 */
const NONCE_EXTENSION = "1.3.6.1.4.1.59888.1";
const UTF8_STRING_TAG = 0x0c;
const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const SERIAL_BYTES = 16;
const DAY_MS = 86_400_000;
/** Clocks of the two ends may differ. */
const BEFORE_MS = DAY_MS;
const LIFE_MS = 365 * DAY_MS;

/** Everything both ends of an instance's mutual TLS need; all PEM. Made for one launch and never reused. @see protocol 04 §6.1 */
export interface TlsMaterial {
  readonly caCertPem: string;
  readonly serverCertPem: string;
  readonly serverKeyPem: string;
  readonly clientCertPem: string;
  readonly clientKeyPem: string;
}

type X509 = typeof import("@peculiar/x509");
type Key = webcrypto.CryptoKey;

/** Fresh certificates for the instance of a launch config. `nonce` is the launch's nonce as text. @see protocol 05 §6.9 */
export async function newTlsMaterial(input: { configId: string; nonce: string; now: Date }): Promise<TlsMaterial> {
  // A quarter of a second to load, and only launches need it.
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const [ca, server, client] = await Promise.all([newKeys(), newKeys(), newKeys()]);
  const authority = `CN=${input.configId} instance CA`;
  const certify = certifier(x509, { issuer: authority, signingKey: ca.privateKey, now: input.now });
  const commonName = `${input.configId}.int.chutes.dev`;
  const [caCertPem, serverCertPem, clientCertPem] = await Promise.all([
    certify(authority, ca.publicKey, [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ]),
    certify(`CN=${commonName}`, server.publicKey, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: commonName }]),
      new x509.Extension(NONCE_EXTENSION, false, utf8String(input.nonce)),
    ]),
    certify(`CN=${input.configId} platform`, client.publicKey, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ]),
  ]);
  const [serverKeyPem, clientKeyPem] = await Promise.all([pemOf(server.privateKey), pemOf(client.privateKey)]);
  return { caCertPem, serverCertPem, serverKeyPem, clientCertPem, clientKeyPem };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

function certifier(x509: X509, authority: { issuer: string; signingKey: Key; now: Date }) {
  return async (subject: string, publicKey: Key, extensions: InstanceType<X509["Extension"]>[]): Promise<string> => {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: authority.issuer,
      notBefore: new Date(authority.now.getTime() - BEFORE_MS),
      notAfter: new Date(authority.now.getTime() + LIFE_MS),
      signingAlgorithm: KEY_ALGORITHM,
      publicKey,
      signingKey: authority.signingKey,
      extensions,
    });
    return `${certificate.toString("pem")}\n`;
  };
}

/** Positive and without leading zero byte, as DER wants it. */
function serialNumber(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function utf8String(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > 0x7f) throw new RangeError("a launch nonce is shorter than 128 bytes");
  return Buffer.concat([Uint8Array.of(UTF8_STRING_TAG, bytes.length), bytes]);
}

async function pemOf(key: Key): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}
