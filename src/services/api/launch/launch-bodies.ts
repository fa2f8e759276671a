import { Type } from "typebox";
import { nullable } from "../nullable.js";

const MAX_PEM = 65_536;

const hex = (maxLength: number) => nullable(Type.String({ pattern: "^[0-9a-fA-F]*$", maxLength }));
const pem = nullable(Type.String({ maxLength: MAX_PEM }));

/** What a container says of itself when it claims; what this platform does not read is ignored. @see protocol 05 §6.4 */
export const ClaimBody = Type.Object({
  gpus: Type.Array(Type.Object({ uuid: Type.String({ minLength: 1, maxLength: 64 }) }), { maxItems: 64 }),
  host: Type.String({ minLength: 1, maxLength: 1024 }),
  port_mappings: Type.Array(
    Type.Object({
      proto: Type.String({ maxLength: 16 }),
      internal_port: Type.Integer(),
      external_port: Type.Integer(),
      default: Type.Optional(Type.Boolean()),
    }),
    { maxItems: 64 },
  ),
  egress: nullable(Type.Boolean()),
  rint_commitment: hex(1024),
  rint_nonce: hex(64),
  rint_pubkey: hex(256),
  tls_cert: pem,
  tls_cert_sig: hex(256),
  tls_ca_cert: pem,
  tls_client_cert: pem,
  tls_client_key: pem,
  e2e_pubkey: nullable(Type.String({ maxLength: 4096 })),
});

/** What a container proves that it could read its key. @see protocol 05 §6.5 */
export const VerifyBody = Type.Object({
  response: Type.String({ minLength: 1, maxLength: 4096 }),
  iv: Type.String({ pattern: "^[0-9a-fA-F]{32}$" }),
  proof: Type.Record(Type.String(), Type.Unknown()),
});
