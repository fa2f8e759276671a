import { apiUrl, hostUrl } from "../kernel/config/api-url.js";
import { made, type PlatformState } from "./platform-state.js";
import { DEMO_CHUTE } from "./seed.js";

/** The one document that `dev --json` prints when the platform is ready. */
export function readiness(state: PlatformState): Record<string, unknown> {
  const config = made(state.config, "the configuration");
  const dir = made(state.dir, "the data directory");
  return {
    ready: true,
    pid: process.pid,
    api_url: apiUrl(config),
    llm_url: `${hostUrl(config, "llm")}/v1`,
    socket_url: hostUrl(config, "socket"),
    events_url: hostUrl(config, "events"),
    chain_url: config.chain.url,
    data_dir: dir.path,
    config_file: dir.file("config.yaml"),
    credentials_file: dir.file("credentials.json"),
    sdk_config_file: dir.file("sdk-config.ini"),
    demo_model: DEMO_CHUTE.name,
    redis: config.redis.url === "memory:" ? "memory" : "server",
  };
}

/** The same for people: where things are, and three commands to copy. */
export function readinessText(state: PlatformState, program: string): string {
  const config = made(state.config, "the configuration");
  const dir = made(state.dir, "the data directory");
  const api = apiUrl(config);
  const key = `$(node -p "require('${dir.file("credentials.json")}').developer.apiKey")`;
  return `
The platform is ready.

  API        ${api}          (docs at ${api}/docs)
  Console    ${api}/         (log in with \`developer.apiKey\` of the secrets below)
  LLM host   ${hostUrl(config, "llm")}/v1
  Sockets    ${hostUrl(config, "socket")}   ${hostUrl(config, "events")}
  Secrets    ${dir.file("credentials.json")}   (mode 0600)
  Settings   ${dir.file("config.yaml")}   (every command takes it with --config)

1. Ask the demo chute:

  curl -s ${hostUrl(config, "llm")}/v1/chat/completions -H "Authorization: Bearer ${key}" \\
    -H "Content-Type: application/json" -d '{"model":"${DEMO_CHUTE.name}","messages":[{"role":"user","content":"Hello there"}]}'

2. Use the stock chutes SDK as the developer account:

  export CHUTES_API_URL=${api} CHUTES_CONFIG_PATH=${dir.file("sdk-config.ini")}

3. Walk through the whole platform:

  ${program} dev tour --data-dir ${dir.path}

Ctrl-C stops everything.`;
}
