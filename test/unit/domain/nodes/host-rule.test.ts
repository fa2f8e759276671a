import { expect, test } from "vitest";
import { checkHost, type HostPolicy, isPublicAddress } from "../../../../src/domain/nodes/host-rule.js";

const DNS: Record<string, readonly string[]> = {
  "miner.example.com": ["8.8.8.8", "2606:4700::1111"],
  "half.example.com": ["8.8.8.8", "10.0.0.1"],
  "mapped.example.com": ["::ffff:127.0.0.1"],
  localhost: ["127.0.0.1"],
  "empty.example.com": [],
};
const resolve = async (name: string) => {
  const found = DNS[name];
  if (found === undefined) throw new Error("ENOTFOUND");
  return found;
};
const PUBLIC: HostPolicy = { allowPrivate: false, resolve };

test.each(["8.8.8.8", "miner.example.com"])("accepts %s", async (host) => {
  await expect(checkHost(host, PUBLIC)).resolves.toBeUndefined();
});

test.each([
  "10.1.2.3",
  "127.0.0.1",
  "169.254.169.254",
  "192.168.1.1",
  "100.64.0.1",
  "203.0.113.7",
  "224.0.0.1",
  "0.0.0.0",
  "::1",
  "[2606:4700::1111]",
  "2606:4700::1111",
  "half.example.com",
  "mapped.example.com",
  "localhost",
  "empty.example.com",
  "unknown.example.com",
  "-bad.example.com",
  "bad-.example.com",
  "under_score.example.com",
  "two..dots",
  "",
  `${"a".repeat(64)}.example.com`,
  `${"abc.".repeat(63)}abcde`,
  "http://miner.example.com",
])("refuses %j", async (host) => {
  await expect(checkHost(host, PUBLIC)).rejects.toMatchObject({ kind: "invalid" });
});

test("a lab accepts private addresses and does not resolve names, but keeps the shape", async () => {
  const lab: HostPolicy = { allowPrivate: true, resolve: () => Promise.reject(new Error("must not be called")) };
  await expect(checkHost("127.0.0.1", lab)).resolves.toBeUndefined();
  await expect(checkHost("gpu-box", lab)).resolves.toBeUndefined();
  await expect(checkHost("::1", lab)).rejects.toMatchObject({ kind: "invalid" });
});

test("text that is no address is not public", () => {
  expect(isPublicAddress("miner.example.com")).toBe(false);
});
