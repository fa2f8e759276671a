// Child of bench/reads.ts: a bare fastify route that answers bytes it was given, as the measure of what is possible.
import Fastify from "fastify";

process.once("message", (body: string) => {
  const app = Fastify();
  const bytes = Buffer.from(body);
  app.get("/", async (_request, reply) => reply.type("application/json; charset=utf-8").send(bytes));
  app.listen({ host: "127.0.0.1", port: 0 }).then(
    (url) => process.send?.(url),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
