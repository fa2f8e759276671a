import { expect, test } from "vitest";
import { chutePortOf } from "../../../../src/domain/instances/port-mapping.js";

const mapping = (proto: string, internal_port: number, external_port: number) => ({
  proto,
  internal_port,
  external_port,
  default: true,
});

test("the chute's port is the first external one, whatever the case of the protocols", () => {
  expect(chutePortOf([mapping("TCP", 8000, 31_000), mapping("udp", 8001, 31_001), mapping("http", 9000, 65_535)])).toBe(
    31_000,
  );
});

test.each([
  ["none", []],
  ["an unknown protocol", [mapping("sctp", 8000, 31_000)]],
  ["a port below 22", [mapping("tcp", 8000, 31_000), mapping("tcp", 21, 31_001)]],
  ["a port above 65535", [mapping("tcp", 8000, 65_536)]],
])("%s is refused", (_title, mappings) => {
  expect(() => chutePortOf(mappings)).toThrow(expect.objectContaining({ kind: "invalid" }));
});
