import { Type } from "typebox";
import { nullable } from "../nullable.js";

const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });

const NodeBody = Type.Object({
  uuid: Type.String({ pattern: "^[0-9A-Za-z-]{1,64}$" }),
  name: text(256),
  memory: Type.Integer(),
  major: nullable(Type.Integer()),
  minor: nullable(Type.Integer()),
  processors: nullable(Type.Integer()),
  sxm: nullable(Type.Boolean()),
  clock_rate: Type.Number(),
  max_threads_per_processor: nullable(Type.Integer()),
  concurrent_kernels: nullable(Type.Boolean()),
  ecc: nullable(Type.Boolean()),
  device_index: Type.Integer(),
  gpu_identifier: text(64),
  verification_host: text(1024),
  verification_port: Type.Integer(),
});

/** Body of `POST /nodes/`; unknown members are ignored. @see protocol 05 §3.2 */
export const NodeBatchBody = Type.Object({
  server_id: nullable(text(256)),
  server_name: nullable(text(256)),
  nodes: Type.Array(NodeBody, { minItems: 1, maxItems: 1000 }),
});
