import { AppError } from "../../kernel/errors.js";
import { CheckBook } from "./checks/check-book.js";
import { collectFiles } from "./collect-files.js";
import { collectRemote } from "./collect-remote.js";
import { examine } from "./examine.js";
import { FileStore } from "./fetch/file-store.js";
import { openRemoteApi } from "./fetch/remote-api.js";
import { checkOptions, type VerifyDeps, type VerifyOptions } from "./options.js";
import type { VerifyReport } from "./report.js";

/** Checks that a validator's weights follow from what it published: hashes against the chain, files against hashes, scores and
 *  weights against files. Findings are in the report; what keeps verification from running is thrown.
 *  @see protocol 08 §7
 *  @throws AppError `invalid` or `config` for options and local files, `unavailable` for an API or chain that does not answer,
 *  `aborted` when the signal stops it. */
export async function verify(options: VerifyOptions, deps: VerifyDeps): Promise<VerifyReport> {
  checkOptions(options, deps.now());
  try {
    return options.api === undefined ? await verifyFiles(options, deps) : await verifyApi(options.api, options, deps);
  } catch (cause) {
    if (!deps.signal.aborted) throw cause;
    throw new AppError("aborted", "verification was interrupted; the next run goes on from here", { cause });
  }
}

async function verifyFiles(options: VerifyOptions, deps: VerifyDeps): Promise<VerifyReport> {
  const book = new CheckBook();
  const startedAt = deps.now();
  const evidence = await collectFiles(options, deps, book);
  return examine({ options, deps, book, startedAt, store: undefined }, evidence);
}

async function verifyApi(url: string, options: VerifyOptions, deps: VerifyDeps): Promise<VerifyReport> {
  const book = new CheckBook();
  const startedAt = deps.now();
  const api = openRemoteApi(url, deps.signal);
  try {
    const store = await FileStore.open(options.dir ?? ".", { recheck: options.recheck === true, signal: deps.signal });
    try {
      const evidence = await collectRemote({ api, store, options, deps, book });
      return await examine({ options, deps, book, startedAt, store }, evidence);
    } finally {
      await store.save();
    }
  } finally {
    await api.close();
  }
}
