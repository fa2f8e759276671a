import { isIP } from "node:net";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { AppError } from "../../kernel/errors.js";
import type { InstanceTarget, InstanceTls } from "../../wire/instance-transport.js";

const KEEP_ALIVE_IDLE_MS = 15_000;

/**
 * Connects to an instance: its stored host, under the name of its certificate, trusting only the CA or the certificate it
 * showed at launch, and presenting the client certificate it handed over.
 * @throws AppError `unavailable` when it does not answer in time, shows another certificate or does not speak HTTP/2
 * @see protocol 04 §6.1
 */
export function connectTls(target: InstanceTarget, tls: InstanceTls, timeoutMs: number): Promise<TLSSocket> {
  const checksName = target.transport.cpuTee !== true;
  const socket = connect({
    host: target.host,
    port: target.port,
    ALPNProtocols: ["h2"],
    ca: [tls.caPem ?? tls.certPem],
    // The pinned certificate may be a leaf that was signed by a CA we were not given.
    allowPartialTrustChain: true,
    checkServerIdentity: checksName ? sameName : () => undefined,
    ...(isIP(tls.commonName) === 0 && { servername: tls.commonName }),
    ...(tls.clientCertPem !== undefined && { cert: tls.clientCertPem }),
    ...(tls.clientKeyPem !== undefined && { key: tls.clientKeyPem }),
  });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_IDLE_MS);
  return connected(socket, timeoutMs);
}

/** Instances' certificates may lack subject alternative names; then the common name counts. */
function sameName(name: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subject?.CN === name) return undefined;
  return checkServerIdentity(name, certificate);
}

function connected(socket: TLSSocket, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => refuse(new AppError("unavailable", "connecting took too long")), timeoutMs);
    const refuse = (error: Error) => {
      clearTimeout(timer);
      // Late errors of a socket nobody waits for must not end the process.
      socket.on("error", () => undefined);
      socket.destroy();
      reject(error);
    };
    socket.once("error", refuse);
    socket.once("secureConnect", () => {
      if (socket.alpnProtocol !== "h2")
        return refuse(new AppError("unavailable", "the instance does not speak HTTP/2"));
      clearTimeout(timer);
      socket.off("error", refuse);
      resolve(socket);
    });
  });
}
