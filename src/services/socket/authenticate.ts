import type { RegisteredMiner } from "../../domain/metagraph/miner.js";
import { hotkeyMessage, isFreshNonce, verifyHotkeyMessage } from "../../wire/hotkey-signature.js";

/** Third field of what a miner signs to open its channel. @see protocol 05 §1.1 */
const PURPOSE = "sockets";
const LONGEST_VALUE = 256;

export interface MinerDirectory {
  /** Rejects when it cannot be known right now. */
  readonly minerByHotkey: (hotkey: string) => Promise<RegisteredMiner | undefined>;
  readonly netuid: number;
  readonly now: () => Date;
}

export type Authentication =
  | { readonly ok: true; readonly hotkey: string }
  /** Definitive: the client must not try the same again. */
  | { readonly ok: false; readonly detail: string };

/**
 * Judges the payload of `authenticate`. Member names count in exactly this case.
 * Rejects, like the directory, when the answer cannot be known: that is no refusal.
 * @see protocol 05 §2.2
 */
export async function authenticateMiner(directory: MinerDirectory, payload: unknown): Promise<Authentication> {
  const members = typeof payload === "object" && payload !== null ? (payload as Record<string, unknown>) : {};
  const hotkey = textOf(members["X-Chutes-Hotkey"]);
  const nonce = textOf(members["X-Chutes-Nonce"]);
  const signatureHex = textOf(members["X-Chutes-Signature"]);
  if (hotkey === undefined || nonce === undefined || signatureHex === undefined) {
    return refused("X-Chutes-Hotkey, X-Chutes-Nonce and X-Chutes-Signature are required");
  }
  if (!isFreshNonce(nonce, directory.now()))
    return refused("Invalid nonce: it must be within 600 s of the server's clock");
  const message = hotkeyMessage({ hotkey, nonce, third: PURPOSE });
  if (!verifyHotkeyMessage({ hotkey, message, signatureHex })) return refused(`Invalid signature of ${message}`);
  const miner = await directory.minerByHotkey(hotkey);
  if (miner === undefined) return refused(`Hotkey is not registered on netuid ${directory.netuid}`);
  return { ok: true, hotkey };
}

/** A nonce may arrive as a number. */
function textOf(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text !== "" && text.length <= LONGEST_VALUE ? text : undefined;
}

function refused(detail: string): Authentication {
  return { ok: false, detail };
}
