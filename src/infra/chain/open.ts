import { AppError } from "../../kernel/errors.js";
import type { Logger } from "../../kernel/logger.js";
import type { ChainClient } from "./client.js";

/**
 * Opens the chain that the URL names: `ws(s)://` is a subtensor node, `http(s)://` a local chain. Nothing is connected yet.
 * @throws AppError `config` CFG001 for any other URL
 */
export async function openChain(endpoint: { url: string; timeoutMs: number }, log: Logger): Promise<ChainClient> {
  const scheme = URL.canParse(endpoint.url) ? new URL(endpoint.url).protocol : "";
  if (scheme === "ws:" || scheme === "wss:") {
    const { openSubtensor } = await import("./subtensor.js");
    return openSubtensor(endpoint, log);
  }
  if (scheme === "http:" || scheme === "https:") {
    const { openLocalRpc } = await import("./local-rpc.js");
    return openLocalRpc(endpoint);
  }
  throw new AppError("config", "chain.url must be ws(s):// of a subtensor node or http(s):// of a local chain", {
    code: "CFG001",
    fix: "set SUBTENSOR_ADDRESS, e.g. wss://node.example:443",
  });
}
