import { createHash } from "node:crypto";
import type { ChainHead } from "../../infra/chain/client.js";

/** Blocks that are not final yet; a subtensor trails its head by two or three. */
const FINALITY_LAG_BLOCKS = 2;

/** Fixed when the chain is made; every block's number, hash and time follow from it. */
export interface BlockClock {
  /** 0x + 64 hex; also the hash of block 0. */
  readonly genesisHash: string;
  readonly genesisAt: Date;
  readonly blockTimeMs: number;
}

/** Number of the block that is open at `now`. Never negative. */
export function blockNumberAt(clock: BlockClock, now: Date): number {
  return Math.max(0, Math.floor((now.getTime() - clock.genesisAt.getTime()) / clock.blockTimeMs));
}

/** Last block that cannot change any more when `height` is the best one. */
export function finalizedNumber(height: number): number {
  return Math.max(0, height - FINALITY_LAG_BLOCKS);
}

/** A block by its number; blocks have no rows of their own. */
export function blockOf(clock: BlockClock, number: number): ChainHead {
  return {
    number,
    hash: blockHash(clock, number),
    time: new Date(clock.genesisAt.getTime() + number * clock.blockTimeMs),
  };
}

function blockHash(clock: BlockClock, number: number): string {
  if (number === 0) return clock.genesisHash;
  return `0x${createHash("sha256").update(`${clock.genesisHash}:${number}`).digest("hex")}`;
}
