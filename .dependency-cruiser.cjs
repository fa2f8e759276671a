/* The rooms and who may enter them. test/unit/layer-rules.test.ts plants a violation of each rule and expects it named. */
const layer = (name, allowed) => ({
  name: `layer-${name}`,
  from: { path: `^src/${name}/` },
  to: { path: "^src/", pathNot: `^src/(${[name, ...allowed].join("|")})/` },
});
const only = (name, pkg, where) => ({
  name: `only-${name}`,
  from: { path: "^src/", pathNot: `^src/(${where})/` },
  to: { path: `node_modules/(${pkg})/` },
});

const rules = [
  layer("commands", ["cli", "operator", "services", "jobs", "local", "miner", "kernel"]),
  layer("cli", ["kernel"]),
  layer("operator", ["domain", "wire", "infra", "kernel"]),
  layer("jobs", ["domain", "wire", "infra", "kernel"]),
  layer("services", ["jobs", "domain", "wire", "infra", "kernel"]),
  layer("local", ["services", "jobs", "miner", "operator", "domain", "wire", "infra", "kernel"]),
  layer("miner", ["wire", "infra", "kernel"]),
  layer("domain", ["wire", "infra", "kernel"]),
  layer("infra", ["wire", "kernel"]),
  layer("wire", ["kernel"]),
  layer("kernel", []),
  {
    name: "services-are-separate",
    from: { path: "^src/services/([^/]+)/" },
    to: { path: "^src/services/[^/]+/", pathNot: "^src/services/$1/" },
  },
  {
    name: "pure-domain",
    from: { path: "^src/(domain|wire)/", pathNot: "-(repository|store)\\.ts$" },
    to: { path: ["^src/infra/", "node_modules/(kysely|pg|ioredis)/"], dependencyTypesNot: ["type-only"] },
  },
  {
    name: "repositories-know-postgres",
    from: { path: "^src/domain/.*-repository\\.ts$" },
    to: { path: "^src/infra/", pathNot: "^src/infra/postgres/" },
  },
  {
    name: "stores-know-redis",
    from: { path: "^src/domain/.*-store\\.ts$" },
    to: { path: "^src/infra/", pathNot: "^src/infra/redis/" },
  },
  { name: "web-stands-alone", from: { path: "^web/" }, to: { path: "^(src|test|bench)/" } },
  { name: "web-api-is-the-bottom", from: { path: "^web/api/" }, to: { path: "^web/", pathNot: "^web/api/" } },
  { name: "src-without-web", from: { path: "^src/" }, to: { path: "^web/" } },
  { name: "no-cycles", from: {}, to: { circular: true } },
  { name: "no-folder-cycles", scope: "folder", from: { path: "^src/domain/" }, to: { circular: true } },
  only("polkadot-api", "@polkadot/api", "infra/chain"),
  only("kubernetes", "@kubernetes/client-node", "infra/kubernetes"),
  only("execa", "execa", "infra/process"),
  only("pg", "pg|pg-cursor|kysely", "infra/postgres|domain|jobs|local"),
  only("ioredis", "ioredis|ioredis-mock", "infra/redis"),
  only("oclif", "@oclif/core", "commands|cli"),
  only("terminal", "listr2|inquirer", "cli"),
  only("s3", "@aws-sdk/client-s3", "infra/object-store"),
  only("sharp", "sharp", "infra/image-codec"),
  only("argon2", "@node-rs/argon2", "infra/password-hash"),
  only("socket-io", "socket\\.io", "services/socket|services/events"),
];

module.exports = {
  forbidden: rules.map((rule) => ({ severity: "error", ...rule })),
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
