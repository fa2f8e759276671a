import { join } from "node:path";
import { defineConfig } from "vite";

/** Where `vite` alone, for work on the pages, sends what it does not serve itself: a running platform. */
const platform = "http://localhost:8000";
const apiPaths = ["/users", "/api_keys", "/chutes", "/invocations", "/console/config.json"];

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(import.meta.dirname, "../dist/web"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: Object.fromEntries(apiPaths.map((path) => [path, { target: platform }])) },
});
