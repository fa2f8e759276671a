import type { CheckDetail, CheckId, CheckResult, CheckStatus, Finding, Verdict } from "../report.js";

const MAX_DETAILS = 1000;
const MAX_NOTES = 20;

const TITLES: Readonly<Record<CheckId, string>> = {
  V01: "one report per hour",
  V02: "entry ids and paths",
  V03: "reports committed on chain",
  V04: "file hashes",
  V05: "rows parse and are counted",
  V07: "history only grows",
  V08: "scores recompute",
  V09: "weights on chain",
};

/** Worst first. */
const RANK: readonly Finding[] = ["violation", "mismatch", "incomplete", "unverifiable", "warning"];

const STATUS: Readonly<Record<Finding, CheckStatus>> = {
  violation: "fail",
  mismatch: "fail",
  incomplete: "fail",
  unverifiable: "unverifiable",
  warning: "warn",
};

interface Page {
  readonly counts: Map<string, number>;
  readonly notes: string[];
  readonly details: CheckDetail[];
  readonly findings: Set<Finding>;
}

/** Where the checks write what they saw. Counts are complete; details and notes are bounded. */
export class CheckBook {
  readonly #pages = new Map(Object.keys(TITLES).map((id) => [id as CheckId, emptyPage()]));

  ok(id: CheckId, count = 1): void {
    this.#count(id, "ok", count);
  }

  found(id: CheckId, finding: Finding, detail: { readonly subject: string; readonly message: string }): void {
    const page = this.#page(id);
    page.findings.add(finding);
    this.#count(id, finding, 1);
    if (page.details.length < MAX_DETAILS) page.details.push({ finding, ...detail });
  }

  note(id: CheckId, text: string): void {
    const { notes } = this.#page(id);
    if (notes.length < MAX_NOTES) notes.push(text);
  }

  results(): CheckResult[] {
    return [...this.#pages].map(([id, page]) => resultOf(id, page));
  }

  verdict(): Verdict {
    const found = [...this.#pages.values()].flatMap((page) => [...page.findings]);
    return RANK.find((finding) => found.includes(finding)) ?? "ok";
  }

  #count(id: CheckId, key: string, by: number): void {
    const { counts } = this.#page(id);
    counts.set(key, (counts.get(key) ?? 0) + by);
  }

  #page(id: CheckId): Page {
    const page = this.#pages.get(id) ?? emptyPage();
    this.#pages.set(id, page);
    return page;
  }
}

function emptyPage(): Page {
  return { counts: new Map(), notes: [], details: [], findings: new Set() };
}

function resultOf(id: CheckId, page: Page): CheckResult {
  const worst = RANK.find((finding) => page.findings.has(finding));
  const passed = page.counts.has("ok") ? "ok" : "skip";
  const total = RANK.reduce((sum, finding) => sum + (page.counts.get(finding) ?? 0), 0);
  return {
    id,
    title: TITLES[id],
    status: worst === undefined ? passed : STATUS[worst],
    counts: Object.fromEntries(page.counts),
    notes: page.notes,
    details: page.details,
    ...(total > page.details.length ? { truncated: total - page.details.length } : {}),
  };
}
