import { expect, test } from "vitest";
import {
  type LaunchState,
  type LaunchStep,
  launchState,
  stepFrom,
} from "../../../../src/domain/instances/launch-state.js";

const AT = new Date(0);
const NEW = { retrievedAt: null, verifiedAt: null, failedAt: null, activatedAt: null };

test.each<[object, LaunchState]>([
  [{}, "issued"],
  [{ retrievedAt: AT }, "claimed"],
  [{ retrievedAt: AT, verifiedAt: AT }, "verified"],
  [{ retrievedAt: AT, verifiedAt: AT, activatedAt: AT }, "active"],
  [{ failedAt: AT }, "failed"],
  [{ retrievedAt: AT, verifiedAt: AT, activatedAt: AT, failedAt: AT }, "failed"],
])("moments %o amount to %s", (moments, state) => {
  expect(launchState({ ...NEW, ...moments })).toBe(state);
});

test.each<[LaunchState, LaunchStep, LaunchState]>([
  ["issued", "claim", "claimed"],
  ["claimed", "verify", "verified"],
  ["verified", "activate", "active"],
  ["active", "activate", "active"],
  ["issued", "fail", "failed"],
  ["claimed", "fail", "failed"],
  ["verified", "fail", "failed"],
  ["active", "fail", "failed"],
  ["failed", "fail", "failed"],
])("%s may %s and is then %s", (state, step, next) => {
  expect(stepFrom(state, step)).toBe(next);
});

test.each<[LaunchState, LaunchStep, string]>([
  ["claimed", "claim", "unauthorized"],
  ["verified", "claim", "unauthorized"],
  ["active", "claim", "unauthorized"],
  ["failed", "claim", "unauthorized"],
  ["issued", "verify", "not_found"],
  ["verified", "verify", "invalid"],
  ["active", "verify", "invalid"],
  ["failed", "verify", "forbidden"],
  ["issued", "activate", "forbidden"],
  ["claimed", "activate", "forbidden"],
  ["failed", "activate", "forbidden"],
])("%s must not %s: %s", (state, step, kind) => {
  expect(() => stepFrom(state, step)).toThrow(expect.objectContaining({ name: "AppError", kind }));
});
