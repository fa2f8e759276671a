import { Type } from "typebox";

const HEX = "^[0-9a-fA-F]*$";
const MAX_PEM = 65_536;

const maybe = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const hex = (maxLength: number) => maybe(Type.String({ pattern: HEX, maxLength }));
const pem = maybe(Type.String({ maxLength: MAX_PEM }));

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
  egress: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  rint_commitment: hex(1024),
  rint_nonce: hex(64),
  rint_pubkey: hex(256),
  tls_cert: pem,
  tls_cert_sig: hex(256),
  tls_ca_cert: pem,
  tls_client_cert: pem,
  tls_client_key: pem,
  e2e_pubkey: maybe(Type.String({ maxLength: 4096 })),
});

/** What a container proves that it could read its key. @see protocol 05 §6.5 */
export const VerifyBody = Type.Object({
  response: Type.String({ minLength: 1, maxLength: 4096 }),
  iv: Type.String({ pattern: "^[0-9a-fA-F]{32}$" }),
  proof: Type.Record(Type.String(), Type.Unknown()),
});
