import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { csvLine } from "../../wire/csv.js";
import { readAhead } from "./read-ahead.js";

/** What was written. */
export interface WrittenCsv {
  /** Lower-case hex of exactly the bytes in the file. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Rows without the header. */
  readonly rowCount: number;
}

/** Writes a header and batches of rows to a new file while hashing and counting; memory holds two batches at a time. */
export async function writeCsv<Row>(
  file: { readonly path: string; readonly header: readonly string[] },
  batches: AsyncIterable<readonly Row[]>,
  toLine: (row: Row) => string,
): Promise<WrittenCsv> {
  const hash = createHash("sha256");
  const handle = await open(file.path, "wx", 0o600);
  let sizeBytes = 0;
  let rowCount = 0;
  const write = async (text: string) => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    sizeBytes += bytes.length;
    await handle.writeFile(bytes);
  };
  try {
    await write(csvLine(file.header));
    for await (const rows of readAhead(batches)) {
      rowCount += rows.length;
      await write(rows.map(toLine).join(""));
    }
  } finally {
    await handle.close();
  }
  return { sha256: hash.digest("hex"), sizeBytes, rowCount };
}
