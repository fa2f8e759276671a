import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import {
  type InstanceMeans,
  instanceMeans,
  type MeasuredChute,
  measuredChute,
  measuredChutes,
} from "../../../domain/stats/miner-means-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { csvLine, pythonFloat } from "../../../wire/csv.js";
import { stringifyJson } from "../../../wire/json.js";
import type { ApiDeps } from "../deps.js";
import { ExpiringCache } from "../directory/expiring-cache.js";
import { instanceMeansPage, measuredChutesPage } from "../miner-means-page.js";

interface Means {
  readonly chute: MeasuredChute;
  readonly instances: readonly InstanceMeans[];
}

const WINDOW_MS = 86_400_000;
const CACHE = { limit: 200, ttlMs: 60_000, negativeTtlMs: 10_000 };
const FILE = /^([\w-]{1,64})(\.json|\.csv)?$/;
const CSV_COLUMNS = ["instance_id", "miner_hotkey", "avg_tps", "avg_output_tokens"];
const CONTENT_POLICY = "default-src 'none'";

/** How instances of language models compare, from the past day's hours. @see protocol 03 §9.8 */
export const minerMeansRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "now">> = async (app, { db, now }) => {
  const since = () => new Date(now().getTime() - WINDOW_MS);
  const index = new ExpiringCache<string>({
    ...CACHE,
    load: async () => measuredChutesPage(await measuredChutes(db, since())),
    now,
  });
  const means = new ExpiringCache<Means>({
    ...CACHE,
    load: async (chuteId) => {
      const [chute, instances] = await Promise.all([measuredChute(db, chuteId), instanceMeans(db, chuteId, since())]);
      return chute && { chute, instances };
    },
    now,
  });

  const Page = { 200: Type.String() };
  app.get("/chutes/miner_means", { schema: { response: Page } }, async (_request, reply) =>
    sendPage(reply, (await index.get("")) ?? ""),
  );
  const one = { schema: { params: Type.Object({ file: Type.String() }), response: Page } };
  app.get("/chutes/miner_means/:file", one, async (request, reply) => {
    const [, chuteId, ending] = FILE.exec(request.params.file) ?? [];
    const found = chuteId === undefined ? undefined : await means.get(chuteId);
    if (found === undefined) throw new AppError("not_found", "Chute not found.");
    if (ending === ".json")
      return reply.type("application/json; charset=utf-8").send(stringifyJson(found.instances.map(toRow)));
    if (ending === ".csv") return reply.type("text/csv; charset=utf-8").send(csvOf(found.instances));
    return sendPage(reply, instanceMeansPage(found.chute, found.instances));
  });
};

function sendPage(reply: FastifyReply, html: string): FastifyReply {
  return reply.type("text/html; charset=utf-8").header("content-security-policy", CONTENT_POLICY).send(html);
}

function toRow(means: InstanceMeans) {
  return {
    miner_hotkey: means.minerHotkey,
    instance_id: means.instanceId,
    avg_tps: means.tps,
    avg_output_tokens: means.outputTokens,
  };
}

function csvOf(instances: readonly InstanceMeans[]): string {
  const lines = instances.map(({ instanceId, minerHotkey, tps, outputTokens }) =>
    csvLine([instanceId, minerHotkey, tps === null ? "" : pythonFloat(tps), pythonFloat(outputTokens)]),
  );
  return csvLine(CSV_COLUMNS) + lines.join("");
}
