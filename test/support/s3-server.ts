import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface S3Server {
  /** URL of the service; path style. The key id and the secret are both `S3RVER`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Starts an S3 server with one empty bucket. Its own process, for it encrypts page tokens with DES, which needs a flag. */
export async function startS3Server(bucket: string): Promise<S3Server> {
  const directory = mkdtempSync(join(tmpdir(), "chutes-s3-"));
  const require = createRequire(import.meta.url);
  const program = require.resolve("s3rver/bin/s3rver.js");
  const options = ["--address", "127.0.0.1", "--port", "0", "--directory", directory, "--silent"];
  const args = ["--openssl-legacy-provider", "--no-deprecation", program, ...options, "--configure-bucket", bucket];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lastResort = () => child.kill("SIGKILL");
  process.once("exit", lastResort);
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += chunk;
    const port = /listening on [\d.]+:(\d+)\n/.exec(printed)?.[1];
    if (port === undefined) continue;
    return {
      endpoint: `http://127.0.0.1:${port}`,
      close: async () => {
        process.off("exit", lastResort);
        const gone = once(child, "exit");
        child.kill();
        await gone;
        rmSync(directory, { recursive: true, force: true });
      },
    };
  }
  throw new Error("the S3 server did not start");
}
