/** Checks of this version. @see protocol 08 §7.7 */
export type CheckId = "V01" | "V02" | "V03" | "V04" | "V05" | "V07" | "V08" | "V09";

export type CheckStatus = "ok" | "warn" | "fail" | "skip" | "unverifiable";

/** How bad a finding is, and the verdict when it is the worst one. */
export type Finding = "violation" | "mismatch" | "incomplete" | "unverifiable" | "warning";

export type Verdict = "ok" | Finding;

export interface CheckDetail {
  readonly finding: Finding;
  /** What it is about: a file, an hour, a hotkey. */
  readonly subject: string;
  readonly message: string;
}

export interface CheckResult {
  readonly id: CheckId;
  readonly title: string;
  readonly status: CheckStatus;
  readonly counts: Readonly<Record<string, number>>;
  /** Why a check was skipped or what it compared. */
  readonly notes: readonly string[];
  /** At most 1000; the rest is counted in `truncated`. */
  readonly details: readonly CheckDetail[];
  readonly truncated?: number;
}

/** One miner in the comparison of weights; shares of 1, null where the figure is not known. */
export interface MinerLine {
  readonly uid: number;
  readonly hotkey: string;
  readonly expected: number | null;
  readonly onchain: number | null;
  readonly published: number | null;
  readonly incentive: number | null;
  readonly diff: number | null;
  readonly bound: number | null;
  readonly status: "ok" | "fail" | "unchecked";
  /** The sums behind the expected score. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface VerifyReport {
  readonly schema: "chutes-verify/1";
  readonly verdict: Verdict;
  readonly subject: {
    readonly api: string | null;
    readonly hotkey: string | null;
    readonly netuid: number;
    readonly uid: number | null;
  };
  readonly window: {
    readonly from: string | null;
    readonly to: string | null;
    readonly hours: number;
    readonly missing: readonly string[];
  };
  readonly as_of: {
    readonly time: string;
    readonly block: number | null;
    readonly method: string;
    readonly tv_distance: number | null;
  };
  readonly profile: string;
  readonly totals: {
    readonly files: number;
    readonly bytes: number;
    readonly rows: number;
    readonly bad_rows: number;
    readonly instances: number;
    readonly seconds: number;
  };
  readonly checks: readonly CheckResult[];
  readonly miners: readonly MinerLine[];
}

/** Exit code of a report: 0 ok or warnings, 3 violation or mismatch (and warnings when strict), 4 incomplete or
 *  unverifiable. */
export function exitCodeOf(report: VerifyReport, options: { readonly strict?: boolean } = {}): number {
  switch (report.verdict) {
    case "ok":
      return 0;
    case "warning":
      return options.strict === true ? 3 : 0;
    case "violation":
    case "mismatch":
      return 3;
    case "incomplete":
    case "unverifiable":
      return 4;
  }
}
