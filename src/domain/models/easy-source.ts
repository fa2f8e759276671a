import type { NodeSelector } from "../../wire/node-selector.js";

/** What every generated source names. */
interface SourceParts {
  readonly username: string;
  readonly name: string;
  /** Repository `org/name`, or for pictures also a URL. */
  readonly model: string;
  /** `user/name:tag`. */
  readonly image: string;
  readonly nodeSelector: NodeSelector;
}

export interface VllmSourceParts extends Omit<SourceParts, "name"> {
  readonly revision: string;
  readonly concurrency: number;
  readonly maxModelLength: number;
  readonly tokenizer: string | null;
  readonly enforceEager: boolean;
  readonly trustRemoteCode: boolean;
}

/** The file and the reference under which a generated source is deployed. */
export const GENERATED_FILE = { filename: "chute.py", reference: "chute:chute" } as const;

/** Source of a chute that serves a language model, on the SDK's own builder. @see protocol 03 §10.4 */
export function vllmSource(parts: VllmSourceParts): string {
  const flags = [
    `--max-model-len ${parts.maxModelLength}`,
    ...(parts.tokenizer === null ? [] : [`--tokenizer ${parts.tokenizer}`]),
    ...(parts.enforceEager ? ["--enforce-eager"] : []),
    ...(parts.trustRemoteCode ? ["--trust-remote-code"] : []),
  ];
  return `# Serves a language model with vLLM.
from chutes.chute import NodeSelector
from chutes.chute.template.vllm import build_vllm_chute

chute = build_vllm_chute(
    username=${literal(parts.username)},
    model_name=${literal(parts.model)},
    revision=${literal(parts.revision)},
    image=${literal(parts.image)},
    node_selector=${selector(parts.nodeSelector)},
    concurrency=${parts.concurrency},
    engine_args=${literal(flags.join(" "))},
)
`;
}

/** Source of a chute that draws pictures, on the SDK's own builder. @see protocol 03 §10.4 */
export function diffusionSource(parts: SourceParts): string {
  return `# Draws pictures with a diffusion model.
from chutes.chute import NodeSelector
from chutes.chute.template.diffusion import build_diffusion_chute

chute = build_diffusion_chute(
    username=${literal(parts.username)},
    name=${literal(parts.name)},
    model_name_or_url=${literal(parts.model)},
    image=${literal(parts.image)},
    node_selector=${selector(parts.nodeSelector)},
)
`;
}

export interface TeiSourceParts extends SourceParts {
  readonly revision: string | null;
  /** Names of its functions, each the path of the engine's, too. */
  readonly endpoints: readonly string[];
}

/** Source of a chute in front of Hugging Face's embedding server, for which the SDK has no builder. @see protocol 03 §10.4 */
export function teiSource(parts: TeiSourceParts): string {
  const revision = parts.revision === null ? "" : `, "--revision", ${literal(parts.revision)}`;
  return `# Puts the text-embeddings-router of the image behind a chute.
from chutes.chute import Chute, NodeSelector

MODEL = ${literal(parts.model)}
PORT = 8881

chute = Chute(
    username=${literal(parts.username)},
    name=${literal(parts.name)},
    image=${literal(parts.image)},
    node_selector=${selector(parts.nodeSelector)},
    standard_template="tei",
    concurrency=32,
)


@chute.on_startup()
async def start_engine(self):
    import asyncio
    import subprocess
    import urllib.request

    command = ["text-embeddings-router", "--model-id", MODEL, "--port", str(PORT)${revision}]
    self.engine = subprocess.Popen(command)
    while self.engine.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=2):
                return
        except OSError:
            await asyncio.sleep(1)
    raise RuntimeError("the engine ended before it was ready")

${parts.endpoints.map(passthrough).join("")}`;
}

function passthrough(name: string): string {
  const path = literal(`/${name}`);
  return `
@chute.cord(public_api_path=${path}, method="POST", passthrough=True, passthrough_path=${path}, passthrough_port=PORT)
async def ${name}(data):
    return data

`;
}

function selector(chosen: NodeSelector): string {
  const lists = (["include", "exclude"] as const).flatMap((key) => {
    const keys = chosen[key] ?? [];
    return keys.length === 0 ? [] : [`${key}=[${keys.map(literal).join(", ")}]`];
  });
  const numbers = [`gpu_count=${chosen.gpu_count ?? 1}`, `min_vram_gb_per_gpu=${chosen.min_vram_gb_per_gpu ?? 16}`];
  return `NodeSelector(${[...numbers, ...lists].join(", ")})`;
}

/** JSON's strings are Python's, too. */
function literal(text: string): string {
  return JSON.stringify(text);
}
