import { expect, test } from "vitest";
import { openChain } from "../../../../src/infra/chain/open.js";
import { createLogger } from "../../../../src/kernel/logger.js";

const log = createLogger({ level: "silent", secrets: [] });

test.each(["", "localhost:9944", "ftp://node.example"])("%j is not a chain address", async (url) => {
  await expect(openChain({ url, timeoutMs: 100 }, log)).rejects.toMatchObject({ kind: "config", code: "CFG001" });
});

test.each(["ws://127.0.0.1:9", "wss://127.0.0.1:9", "http://127.0.0.1:9", "https://127.0.0.1:9"])(
  "opening %s connects nothing; the first call finds nobody there",
  async (url) => {
    const chain = await openChain({ url, timeoutMs: 2000 }, log);
    await expect(chain.head()).rejects.toMatchObject({ kind: "unavailable", code: "CHN001" });
    await chain.close();
  },
);
