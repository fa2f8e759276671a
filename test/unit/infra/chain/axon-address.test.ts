import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { axonAddress } from "../../../../src/infra/chain/axon-address.js";

test.each<[bigint, number, string]>([
  [0xcb_00_71_07n, 4, "203.0.113.7"],
  [0xff_ff_ff_ffn, 4, "255.255.255.255"],
  [0n, 4, "0.0.0.0"],
  [(0x2001_0db8n << 96n) | 1n, 6, "2001:db8::1"],
  [0n, 6, "::"],
])("%s of type %s reads %s", (ip, ipType, address) => {
  expect(axonAddress(ip, ipType)).toBe(address);
});

test.each<[bigint, number]>([
  [1n << 32n, 4],
  [1n << 128n, 6],
  [1n, 0],
])("%s of type %s is no address and reads as unset", (ip, ipType) => {
  expect(axonAddress(ip, ipType)).toBe("0.0.0.0");
});

test("every number in range reads as an address of its type", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (ip) => {
      expect(isIPv6(axonAddress(ip, 6))).toBe(true);
      expect(isIPv4(axonAddress(ip & 0xffff_ffffn, 4))).toBe(true);
    }),
  );
});
