import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { consoleHosts } from "./console-hosts.js";
import { securityHeaders } from "./security-headers.js";

interface ConsoleDeps extends Pick<ApiDeps, "config"> {
  /** Folder of the built pages. */
  readonly webDir?: string;
}

/** Every page is the same document; other paths stay unknown to the API. */
const PAGES = [
  "/",
  "/console",
  "/console/login",
  "/console/keys",
  "/console/chutes",
  "/console/chutes/:chuteId",
  "/console/playground",
  "/console/settings",
];

/** `dist/web` of the package, seen from the sources and from the build. */
const BUILT_PAGES = join(import.meta.dirname, "../../../../dist/web");

const Hosts = Type.Object({
  api_url: Type.String(),
  llm_url: Type.String(),
  events_url: Type.String(),
  chute_url: Type.String({ description: "URL of a chute's own host; {slug} stands for its slug" }),
});

/** The developer's console: static pages on the API's host, and where they find the other hosts. */
export const consoleRoutes: FastifyPluginAsyncTypebox<ConsoleDeps> = async (app, { config, webDir = BUILT_PAGES }) => {
  const hosts = consoleHosts(config);
  const headers = securityHeaders(hosts);
  const isBuilt = existsSync(join(webDir, "index.html"));

  app.addHook("onRequest", async (request, reply) => {
    if (!isConsoleHost(request.hostname, hosts.api)) return reply.callNotFound();
    reply.headers(headers);
  });

  if (isBuilt) {
    // Names of assets carry a hash of their content.
    const assets = { root: join(webDir, "assets"), prefix: "/console/assets/", immutable: true, maxAge: "365d" };
    await app.register(fastifyStatic, { ...assets, index: false, redirect: false, preCompressed: true });
  }
  for (const path of PAGES) {
    app.get(path, { schema: { hide: true } }, async (_request, reply) => {
      if (!isBuilt)
        throw new AppError(
          "unavailable",
          "The console's pages are missing from this installation: run `npm run build`.",
        );
      return reply.header("cache-control", "no-cache").sendFile("index.html", webDir, { cacheControl: false });
    });
  }

  app.get("/console/config.json", { schema: { response: { 200: Hosts } } }, async (_request, reply) => {
    reply.header("cache-control", "no-cache");
    return { api_url: hosts.api, llm_url: hosts.llm, events_url: hosts.events, chute_url: hosts.chute };
  });
};

/** The API's own name, or an address: somebody who forwards a port. Other hosts of the platform have no console. */
function isConsoleHost(hostname: string, apiOrigin: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return name === new URL(apiOrigin).hostname || name === "localhost" || isIP(name) !== 0;
}
