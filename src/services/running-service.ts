import type { Server } from "node:http";
import type { Context } from "../kernel/context.js";
import { AppError } from "../kernel/errors.js";
import type { Running } from "../kernel/lifecycle.js";

/** A started service. Its server may be unlistened: then somebody else hands it connections. */
export interface RunningService extends Running {
  readonly server: Server;
  /** Port it listens on; undefined when it does not. */
  readonly port?: number;
}

export interface ServiceOptions {
  /** False when a front in the same process hands connections over. Default true. */
  readonly listen?: boolean;
}

export type StartService = (ctx: Context, options?: ServiceOptions) => Promise<RunningService>;

/**
 * Binds a server.
 * @throws AppError `config` NET001 when the port is taken
 */
export function listenOn(server: Server, where: { host: string; port: number; setting: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(
        new AppError("config", `port ${where.port} is already in use`, {
          code: "NET001",
          fix: `choose another ${where.setting}`,
        }),
      );
    });
    server.listen(where.port, where.host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : where.port);
    });
  });
}

/** Closes a server together with its open connections. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
