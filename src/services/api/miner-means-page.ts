import type { InstanceMeans, MeasuredChute } from "../../domain/stats/miner-means-repository.js";
import { escapeHtml } from "./html.js";

/** Where the page of a chute is. */
const pathOf = (chuteId: string) => `/chutes/miner_means/${encodeURIComponent(chuteId)}`;

/** The list of measured language models. @see protocol 03 §9.8 */
export function measuredChutesPage(chutes: readonly MeasuredChute[]): string {
  const items = chutes.map(
    ({ chuteId, name }) => `<li><a href="${pathOf(chuteId)}">${escapeHtml(name ?? "[private]")}</a></li>`,
  );
  return page("Language models of the past day", `<ul>${items.join("")}</ul>`);
}

/** How the instances of one language model did. */
export function instanceMeansPage({ chuteId, name }: MeasuredChute, means: readonly InstanceMeans[]): string {
  const rows = means.map(
    (row) =>
      `<tr><td>${escapeHtml(row.minerHotkey)}</td><td>${escapeHtml(row.instanceId)}</td>` +
      `<td>${row.tps?.toFixed(3) ?? ""}</td><td>${row.outputTokens.toFixed(3)}</td></tr>`,
  );
  const head = "<tr><th>Miner</th><th>Instance</th><th>Tokens per second</th><th>Tokens per answer</th></tr>";
  const links = `<p><a href="${pathOf(chuteId)}.json">JSON</a> <a href="${pathOf(chuteId)}.csv">CSV</a></p>`;
  return page(name ?? "[private]", `${links}<table>${head}${rows.join("")}</table>`);
}

function page(title: string, body: string): string {
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>` +
    `<body><h1>${escapeHtml(title)}</h1>${body}</body></html>`
  );
}
