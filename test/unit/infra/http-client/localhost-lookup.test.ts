import type { LookupOptions } from "node:dns";
import { expect, test } from "vitest";
import { localhostLookup } from "../../../../src/infra/http-client/localhost-lookup.js";

const find = (hostname: string, options: LookupOptions = {}) =>
  new Promise((resolve) => {
    localhostLookup(hostname, options, (...answer) => resolve(answer));
  });

test.each(["localhost", "llm.localhost", "a.b.LOCALHOST", "llm.localhost."])("%s is this machine", async (hostname) => {
  expect(await find(hostname)).toEqual([null, "127.0.0.1", 4]);
});

test("the answer has the shape that was asked for", async () => {
  expect(await find("llm.localhost", { all: true })).toEqual([null, [{ address: "127.0.0.1", family: 4 }]]);
  expect(await find("llm.localhost", { family: 6 })).toEqual([null, "::1", 6]);
});

test("the answer never comes before the call has returned", async () => {
  let hasReturned = false;
  const answered = new Promise((resolve) => localhostLookup("localhost", {}, () => resolve(hasReturned)));
  hasReturned = true;
  expect(await answered).toBe(true);
});

test("other names are left to the system", async () => {
  expect(await find("127.0.0.2")).toEqual([null, "127.0.0.2", 4]);
  expect(await find("localhost.invalid")).toEqual([expect.objectContaining({ syscall: "getaddrinfo" })]);
});
