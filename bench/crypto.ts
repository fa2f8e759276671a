// sr25519 as requests use it, beside the default path of @polkadot/util-crypto: `npm run bench -- crypto`.
import { cryptoWaitReady, sr25519PairFromSeed, sr25519Sign, sr25519Verify } from "@polkadot/util-crypto";
import { initCrypto, keypairFromSeed, verifySr25519 } from "../src/wire/keypair.js";
import { machine, median } from "./machine.js";

const ROUNDS = 5;
const SECONDS = 0.6;

await initCrypto();
await cryptoWaitReady();
const seed = "01".repeat(32);
const message = `${"5".repeat(48)}:1760000000:${"a".repeat(64)}`;
const bytes = new TextEncoder().encode(message);
const ours = keypairFromSeed(seed);
const theirs = sr25519PairFromSeed(Buffer.from(seed, "hex"));
const signature = ours.sign(message);

console.log(machine());
report(
  "signs/s",
  () => void ours.sign(message),
  () => void sr25519Sign(bytes, theirs),
);
report(
  "verifies/s",
  () => void verifySr25519({ message, signature, publicKey: ours.publicKey }),
  () => void sr25519Verify(bytes, signature, theirs.publicKey),
);

/** Alternates both sides so that a change of the machine's speed hits both. */
function report(what: string, a: () => void, b: () => void): void {
  const pairs = Array.from({ length: ROUNDS }, () => [perSecond(a), perSecond(b)] as const);
  const [mine, base] = [median(pairs.map(([x]) => x)), median(pairs.map(([, y]) => y))];
  console.log(
    `${what.padEnd(11)} wire/keypair ${mine.toFixed(0).padStart(6)}   util-crypto default ${base.toFixed(0).padStart(6)}   ratio ${(mine / base).toFixed(2)}`,
  );
}

function perSecond(work: () => void): number {
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < SECONDS * 1000) {
    for (let i = 0; i < 20; i += 1) work();
    count += 20;
  }
  return count / ((performance.now() - started) / 1000);
}
