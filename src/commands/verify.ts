import { writeFileSync } from "node:fs";
import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../cli/base-command.js";
import { parseDate } from "../cli/parse-date.js";
import { verifyOnce } from "../operator/verify/open-verify.js";
import type { VerifyOptions, VerifyProgress } from "../operator/verify/options.js";
import { renderTable } from "../operator/verify/render-table.js";
import { exitCodeOf, type VerifyReport } from "../operator/verify/report.js";

const PROFILES = ["auto", "instance-lifetime", "invocations-2025-10", "invocations-2025-02"] as const;

export default class Verify extends BaseCommand {
  static override summary = "Check exports, scores and weights from published data";
  static override description =
    "Needs no database, no secrets and no wallet. Exit code 0: agrees; 3: a violation or mismatch; 4: incomplete or unverifiable.";
  static override examples = [
    "<%= config.bin %> verify --api https://api.example.org --subtensor wss://entrypoint-finney.opentensor.ai:443 --days 7",
    "<%= config.bin %> verify --csv 14.csv --reports 14-reports.csv --audit 7000000.json --metagraph metagraph.json --offline",
  ];
  static override flags = {
    ...configFlags,
    api: Flags.string({
      description: "validator API to audit",
      helpValue: "URL",
      exclusive: ["csv", "reports", "audit"],
    }),
    subtensor: Flags.string({ description: "chain endpoint; default from the configuration", helpValue: "URL" }),
    offline: Flags.boolean({ description: "skip every check that needs the chain" }),
    netuid: Flags.integer({ description: "subnet", min: 0, max: 65_535 }),
    hotkey: Flags.string({ description: "validator hotkey, when the API serves several", helpValue: "SS58" }),
    days: Flags.integer({ description: "length of the window", min: 1, max: 366 }),
    from: Flags.string({ description: "start of the window", helpValue: "ISO" }),
    to: Flags.string({ description: "end of the window", helpValue: "ISO" }),
    "as-of": Flags.string({
      description: "evaluation time: ISO time, block number, or auto",
      default: "auto",
      helpValue: "WHEN",
    }),
    profile: Flags.option({ options: PROFILES, description: "scoring profile", default: "auto" as const })(),
    dir: Flags.string({ description: "downloads and state; reusable, safe to interrupt", default: ".chutes-verify" }),
    jobs: Flags.integer({ description: "parallel downloads", default: 4, min: 1, max: 32 }),
    csv: Flags.string({ description: "local invocations file", multiple: true, helpValue: "FILE" }),
    reports: Flags.string({ description: "local reports file", multiple: true, helpValue: "FILE" }),
    audit: Flags.string({ description: "local audit report", multiple: true, helpValue: "FILE" }),
    metagraph: Flags.string({ description: "answer of GET /miner/metagraph, for local files", helpValue: "FILE" }),
    "gpu-counts": Flags.string({
      description: "answer of GET /chutes/gpu_count_history, for local files",
      helpValue: "FILE",
    }),
    recheck: Flags.boolean({ description: "hash every stored file again" }),
    strict: Flags.boolean({ description: "warnings fail too" }),
    out: Flags.string({ description: "also write the JSON report to this file", helpValue: "FILE" }),
  };

  async run(): Promise<VerifyReport> {
    const { flags } = await this.parse(Verify);
    const config = this.readConfig(flags.config);
    const ctx = this.contextOf(config);
    const isLocal = flags.api === undefined;
    const offline = flags.offline || (isLocal && flags.subtensor === undefined);
    const report = await verifyOnce(optionsOf(flags, config.netuid), {
      subtensor: offline ? undefined : (flags.subtensor ?? config.chain.url),
      timeoutMs: config.chain.timeoutMs,
      log: ctx.log,
      now: ctx.now,
      signal: ctx.signal,
      onProgress: (progress) => this.showProgress(progress),
    });
    if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, null, 2)}\n`);
    this.print(renderTable(report));
    this.finishWith(exitCodeOf(report, { strict: flags.strict }));
    return report;
  }

  private showProgress({ phase, done, total, bytes }: VerifyProgress): void {
    if (this.interactive)
      process.stderr.write(`\r${phase} ${done}/${total} (${(bytes / 1e6).toFixed(1)} MB)${done === total ? "\n" : ""}`);
  }
}

interface Flagged {
  readonly api?: string | undefined;
  readonly dir: string;
  readonly netuid?: number | undefined;
  readonly hotkey?: string | undefined;
  readonly days?: number | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly "as-of": string;
  readonly profile: (typeof PROFILES)[number];
  readonly jobs: number;
  readonly csv?: string[] | undefined;
  readonly reports?: string[] | undefined;
  readonly audit?: string[] | undefined;
  readonly metagraph?: string | undefined;
  readonly "gpu-counts"?: string | undefined;
  readonly recheck: boolean;
}

/** Only what was given: the engine has its own defaults. */
function optionsOf(flags: Flagged, netuid: number): VerifyOptions {
  return defined({
    netuid: flags.netuid ?? netuid,
    api: flags.api,
    dir: flags.api === undefined ? undefined : flags.dir,
    hotkey: flags.hotkey,
    days: flags.days,
    from: flags.from === undefined ? undefined : parseDate(flags.from, "from"),
    to: flags.to === undefined ? undefined : parseDate(flags.to, "to"),
    asOf: asOfOf(flags["as-of"]),
    profile: flags.profile,
    jobs: flags.jobs,
    csv: flags.csv,
    reports: flags.reports,
    audit: flags.audit,
    metagraph: flags.metagraph,
    gpuCounts: flags["gpu-counts"],
    recheck: flags.recheck,
  }) as unknown as VerifyOptions;
}

function asOfOf(text: string): Date | number | "auto" {
  if (text === "auto") return "auto";
  return /^\d+$/.test(text) ? Number(text) : parseDate(text, "as-of");
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
