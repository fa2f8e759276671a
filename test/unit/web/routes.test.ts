import { expect, test } from "vitest";
import { chutePath, routeOf } from "../../../web/app/routes.js";

test.each([
  ["/", "overview"],
  ["/console/", "overview"],
  ["/console/keys/", "keys"],
  ["/console/chutes", "chutes"],
  ["/console/nothing", "unknown"],
  ["/chutes", "unknown"],
])("%s is the page %s", (path, page) => expect(routeOf(path).page).toBe(page));

test("a chute's page carries its id", () => {
  expect(routeOf(chutePath("0f3c"))).toEqual({ page: "chute", chuteId: "0f3c" });
});
