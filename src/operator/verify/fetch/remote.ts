import type { CheckBook } from "../checks/check-book.js";
import type { VerifyDeps, VerifyOptions } from "../options.js";
import type { FileStore } from "./file-store.js";
import type { RemoteApi } from "./remote-api.js";

/** What fetching from an audited API needs. */
export interface Remote {
  readonly api: RemoteApi;
  readonly store: FileStore;
  readonly options: VerifyOptions;
  readonly deps: VerifyDeps;
  readonly book: CheckBook;
}
