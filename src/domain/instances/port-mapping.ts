import { AppError } from "../../kernel/errors.js";

/** One forwarded port of a container; the first of a list is the chute's, the second its logs'. @see protocol 05 §6.4 */
export interface PortMapping {
  /** `tcp`, `udp` or `http`, in either case. */
  readonly proto: string;
  readonly internal_port: number;
  readonly external_port: number;
  readonly default: boolean;
}

const PROTOCOLS: ReadonlySet<string> = new Set(["tcp", "udp", "http"]);
const LOWEST_PORT = 22;
const HIGHEST_PORT = 65_535;

/**
 * External port of the chute itself.
 * @throws AppError `invalid` when a mapping names an unknown protocol or a port outside 22…65535, or there is none
 */
export function chutePortOf(mappings: readonly PortMapping[]): number {
  for (const { proto, internal_port, external_port } of mappings) {
    if (!PROTOCOLS.has(proto.toLowerCase())) throw new AppError("invalid", `unknown port protocol: ${proto}`);
    for (const port of [internal_port, external_port]) {
      if (port < LOWEST_PORT || port > HIGHEST_PORT) throw new AppError("invalid", `port out of range: ${port}`);
    }
  }
  const [first] = mappings;
  if (first === undefined) throw new AppError("invalid", "port_mappings must name the chute's port");
  return first.external_port;
}
