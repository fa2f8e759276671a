import type { StartService } from "./running-service.js";

/** Every `serve NAME`; a process loads only the service it runs. */
export const SERVICES = {
  api: async () => (await import("./api/index.js")).start,
  socket: async () => (await import("./socket/index.js")).start,
  events: async () => (await import("./events/index.js")).start,
  worker: async () => (await import("./worker/index.js")).start,
} as const satisfies Record<string, () => Promise<StartService>>;

export type ServiceName = keyof typeof SERVICES;

export function isServiceName(name: string): name is ServiceName {
  return Object.hasOwn(SERVICES, name);
}
