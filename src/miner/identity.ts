import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { AppError, messageOf } from "../kernel/errors.js";
import { initCrypto, type Keypair, keypairFromSeed } from "../wire/keypair.js";

const SEED_BYTES = 32;
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
const IdentityFile = Type.Object({ seed: Type.String({ pattern: "^(0x)?[0-9a-fA-F]{64}$" }) });

/**
 * The miner's hotkey from a JSON file `{"seed","address"}` that only its owner may read; made with a random seed when there is
 * none. Throws AppError `config` when the file is readable by others or is no identity.
 */
export async function loadMinerIdentity(path: string): Promise<Keypair> {
  await initCrypto();
  return (await createIdentity(path)) ?? (await readIdentity(path));
}

/** Undefined when the file is there already; two processes that start together agree on the first one's. */
async function createIdentity(path: string): Promise<Keypair | undefined> {
  if (await isPresent(path)) return undefined;
  const seed = randomBytes(SEED_BYTES).toString("hex");
  const keypair = keypairFromSeed(seed);
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, `${JSON.stringify({ seed, address: keypair.address })}\n`, {
      mode: OWNER_ONLY,
      flush: true,
    });
    // A link appears whole or not at all, and never replaces what is there.
    await link(draft, path);
    return keypair;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return undefined;
    throw unusable(path, error);
  } finally {
    await rm(draft, { force: true });
  }
}

async function isPresent(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readIdentity(path: string): Promise<Keypair> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS) !== 0) throw new Error("other users may read it");
    const content: unknown = JSON.parse(await readFile(path, "utf8"));
    if (!Value.Check(IdentityFile, content)) throw new Error("it holds no seed of 64 hex digits");
    return keypairFromSeed(content.seed);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** The parser's own message would quote the file. */
function unusable(path: string, cause: unknown): AppError {
  const why = cause instanceof SyntaxError ? "it is not JSON" : messageOf(cause);
  return new AppError("config", `cannot use the miner identity ${path}: ${why}`, {
    fix: `chmod 600 ${path}, or move the file away to let a new identity be made`,
  });
}
