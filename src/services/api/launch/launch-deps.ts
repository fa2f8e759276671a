import type { ApiDeps } from "../deps.js";

/** What starting instances uses. */
export type LaunchDeps = Pick<ApiDeps, "config" | "db" | "redis" | "now" | "log" | "gpuTable">;
