import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import {
  type DiffusionDay,
  diffusionDays,
  type LlmDay,
  llmDays,
} from "../../../domain/stats/chute-stats-repository.js";
import { cachedJson } from "../cached-json.js";
import type { ApiDeps } from "../deps.js";
import { queryDay } from "../query-day.js";

/** Answers of up to some ten megabytes. */
const CACHED_ANSWERS = 8;

const Mean = Type.Unsafe<number | null>({ type: ["number", "null"] });
const LlmRow = Type.Object({
  chute_id: Type.String(),
  name: Type.String(),
  date: Type.String(),
  total_requests: Type.Integer(),
  total_input_tokens: Type.Integer(),
  total_output_tokens: Type.Integer(),
  average_tps: Mean,
  average_ttft: Mean,
});
const DiffusionRow = Type.Object({
  chute_id: Type.String(),
  name: Type.String(),
  date: Type.String(),
  total_steps: Type.Integer(),
  total_requests: Type.Integer(),
  average_sps: Type.Number(),
});
const LlmQuery = Type.Object({
  start_date: Type.Optional(Type.String()),
  end_date: Type.Optional(Type.String()),
  chute_id: Type.Optional(Type.String({ maxLength: 64, pattern: "^[\\w-]*$" })),
});

/** What models did by day. Today is as old as the last roll-up. @see protocol 04 §12.3, §12.4 */
export const statsRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "config" | "db" | "now">> = async (app, deps) => {
  const { config, db, now } = deps;
  const { platformUsername } = config;
  const lifetime = { now, limit: CACHED_ANSWERS, ttlMs: config.jobs.usageSeconds * 1000 };

  const sendLlm = cachedJson({
    ...lifetime,
    load: async (key) => {
      const asked = JSON.parse(key) as { from?: string; to?: string; chuteId?: string };
      return (await llmDays(db, { platformUsername, ...asked })).map(llmRow);
    },
  });
  const llm = { schema: { querystring: LlmQuery, response: { 200: Type.Array(LlmRow) } } };
  app.get("/invocations/stats/llm", llm, (request, reply) => {
    const { start_date: start, end_date: end, chute_id: chuteId } = request.query;
    const asked = { from: queryDay(start, "start_date"), to: queryDay(end, "end_date"), chuteId: chuteId || undefined };
    return sendLlm(reply, JSON.stringify(asked));
  });

  const sendDiffusion = cachedJson({
    ...lifetime,
    load: async () => {
      const today = now().toISOString().slice(0, 10);
      return (await diffusionDays(db, { platformUsername, today })).map(diffusionRow);
    },
  });
  const diffusion = { schema: { response: { 200: Type.Array(DiffusionRow) } } };
  app.get("/invocations/stats/diffusion", diffusion, (_request, reply) => sendDiffusion(reply, ""));
};

function llmRow(day: LlmDay): Static<typeof LlmRow> {
  return {
    chute_id: day.chuteId,
    name: day.name,
    date: day.date,
    total_requests: day.requests,
    total_input_tokens: day.inputTokens,
    total_output_tokens: day.outputTokens,
    average_tps: day.tps,
    average_ttft: day.ttftSeconds,
  };
}

function diffusionRow(day: DiffusionDay): Static<typeof DiffusionRow> {
  return {
    chute_id: day.chuteId,
    name: day.name,
    date: day.date,
    total_steps: day.steps,
    total_requests: day.requests,
    average_sps: day.sps,
  };
}
