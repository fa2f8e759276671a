// Compiles src/ to dist/ without type checking (that is `npm run lint`'s work), builds the console's pages from web/ to dist/web and
// writes the command manifest.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

const root = join(import.meta.dirname, "..");
const stamp = join(root, "dist", ".built");

function newest(dir) {
  let latest = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

/** Test processes may build at the same moment; the second finds everything done. A builder that died is not waited for. */
function lockBuild() {
  const lock = join(root, "node_modules", ".cache", "build-lock");
  mkdirSync(join(root, "node_modules", ".cache"), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      process.on("exit", () => rmSync(lock, { force: true }));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (isDead(lock)) rmSync(lock, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

function isDead(lock) {
  try {
    const holder = Number(readFileSync(lock, "utf8"));
    // A lock without a number is being written.
    if (holder > 0) process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

/** Browsers that take it get the smaller file, without work for the server. */
function compress(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
  }
}

const inputs = Math.max(
  newest(join(root, "src")),
  newest(join(root, "web")),
  ...["package.json", "tsconfig.build.json", "tsconfig.json"].map((f) => statSync(join(root, f)).mtimeMs),
);
const isBuilt = () => existsSync(stamp) && Number(readFileSync(stamp, "utf8")) >= inputs;
if (isBuilt()) process.exit(0);
lockBuild();
if (isBuilt()) process.exit(0);

rmSync(join(root, "dist"), { recursive: true, force: true });
const node = (script, ...args) =>
  execFileSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, OCLIF_SKIP_NEW_VERSION_CHECK: "true" },
  });
node("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
node("node_modules/vite/bin/vite.js", "build", "--config", "web/vite.config.ts", "--logLevel", "warn");
compress(join(root, "dist/web/assets"));
node("node_modules/oclif/bin/run.js", "manifest");
writeFileSync(stamp, String(inputs));
