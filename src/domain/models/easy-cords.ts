import { type Cord, TEMPLATE_CORDS } from "../../wire/cords.js";

const NO_SCHEMAS = { input_schema: {}, output_schema: {}, minimal_input_schema: {} };

/** What the SDK's builder of language models declares. @see protocol 03 §8.5 */
export const VLLM_CORDS: readonly Cord[] = TEMPLATE_CORDS.vllm;

/** What the SDK's builder of picture models declares. @see protocol 03 §8.5 */
export const DIFFUSION_CORDS: readonly Cord[] = [
  {
    ...NO_SCHEMAS,
    method: "POST",
    path: "/generate",
    function: "generate",
    stream: false,
    passthrough: false,
    public_api_path: "/generate",
    public_api_method: "POST",
    output_content_type: "image/jpeg",
  },
];

/** The functions that `teiSource` declares. */
export function teiCords(endpoints: readonly string[]): Cord[] {
  return endpoints.map((name) => ({
    ...NO_SCHEMAS,
    method: "POST",
    path: `/${name}`,
    function: name,
    stream: false,
    passthrough: true,
    public_api_path: `/${name}`,
    public_api_method: "POST",
    output_content_type: "application/json",
  }));
}
