import { expect, test } from "vitest";
import type { Chute } from "../../../../src/domain/chutes/chute.js";
import { pathOf, queryOf, routeRequest } from "../../../../src/services/api/host-routing.js";

const CHUTE = { chuteId: "c1", slug: "alice-hello", cords: [{ public_api_path: "/hello" }] } as unknown as Chute;
const ID = "5b8f5ba2-2b4c-5b3a-9c7e-1d2f3a4b5c6d";

function route(host: string, line: string, options: { chute?: Chute; isRouted?: boolean } = {}) {
  const [method = "", url = ""] = line.split(" ");
  const lookUp = async (slug: string) => (slug === "alice-hello" ? (options.chute ?? CHUTE) : undefined);
  return routeRequest({ host, method, url, isRouted: options.isRouted ?? false }, lookUp);
}

test.each([
  ["localhost:8000", "GET /users/me", "api"],
  ["api.x.test", "POST /v1/chat/completions", "api"],
  ["nosuch.x.test", "GET /users/me", "api"],
  ["127.0.0.1:8000", "GET /ping", "api"],
  ["logos.x.test", `GET /logos/${ID}.webp`, "api"],
  ["llm.x.test", "GET /v1/models", "models"],
  ["LLM.X.TEST", "GET /v1/models/?x=1", "models"],
  ["llm.x.test", "POST /v1/chat/completions", "aggregate"],
  ["llm.x.test", "GET /users/me", "api"],
  ["llm.localhost:8000", "POST /v1/completions", "aggregate"],
  ["llm.x.test", "OPTIONS /v1/chat/completions", "preflight"],
  ["alice-hello.x.test", "GET /hello", "chute"],
  ["alice-hello.x.test", "DELETE /anything", "chute"],
  ["alice-hello.x.test", "OPTIONS /hello", "preflight"],
  ["alice-hello.x.test", "GET /ping", "api"],
  ["api.x.test", `POST /chutes/${ID}/hello`, "chute-path"],
  ["api.x.test", `POST /chutes/${ID}`, "api"],
  ["api.x.test", "POST /chutes/alice/hello", "api"],
])("04 §1.1: %s %s goes to %s", async (host, line, kind) => {
  expect((await route(host, line)).kind).toBe(kind);
});

test("04 §1.1: each shared host has its template", async () => {
  const templates = ["llm", "embed", "image"].map((label) => route(`${label}.x.test`, "POST /x"));
  expect((await Promise.all(templates)).map((destination) => Object(destination).template)).toEqual([
    "vllm",
    "embedding",
    "diffusion",
  ]);
});

test("01 §13: no chute can take over the host of the logos", async () => {
  const request = { host: "logos.x.test", method: "GET", url: `/logos/${ID}.webp`, isRouted: true };
  expect(await routeRequest(request, async () => CHUTE)).toEqual({ kind: "api" });
});

test("04 §1.1: without a host everything is the API's", async () => {
  const request = { host: undefined, method: "GET", url: "/x", isRouted: true };
  expect(await routeRequest(request, async () => CHUTE)).toEqual({ kind: "api" });
});

test("04 §1.1: a chute's host keeps its own ping when it declares one", async () => {
  const chute = { ...CHUTE, cords: [{ public_api_path: "/ping" }] } as unknown as Chute;
  expect((await route("alice-hello.x.test", "GET /ping", { chute })).kind).toBe("chute");
});

test("04 §1.3: an ordinary route wins over a chute's path", async () => {
  expect((await route("api.x.test", `GET /chutes/${ID}/evidence`, { isRouted: true })).kind).toBe("api");
});

test("04 §1.3: the rest of the path is the function's, the id is lower case", async () => {
  expect(await route("api.x.test", `POST /chutes/${ID.toUpperCase()}/v1/chat/completions?a=1`)).toEqual({
    kind: "chute-path",
    chuteId: ID,
    path: "/v1/chat/completions",
  });
});

test("paths lose query and trailing slashes, the last of equal query names wins", () => {
  expect([pathOf("/"), pathOf("/a/"), pathOf("/a//?b=/"), pathOf("/a?b")]).toEqual(["/", "/a", "/a", "/a"]);
  expect(queryOf("/a?x=1&x=2&y=%20")).toEqual({ x: "2", y: " " });
  expect(queryOf("/a")).toEqual({});
});
