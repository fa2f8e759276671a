import { expect, test } from "vitest";
import { isArgon2idHash, openArgon2 } from "../../../../src/infra/password-hash/argon2.js";

const SALT_AND_HASH = "$AAECAwQFBgcICQoLDA0ODw$N8j1M7qe/+J8yMx3hAvJIuh0Qp2n5IJXaomIYokmTuU";
const HASH = `$argon2id$v=19$m=65536,t=3,p=4${SALT_AND_HASH}`;
const KEY = "cpk_0b7c1a525f3d4b8e9d0a1c2d3e4f5061.c519c6640a875df583a6da4a314e1894.A1b2C3d4A1b2C3d4A1b2C3d4A1b2C3d4";

test.each([
  [HASH, true],
  [`$argon2id$v=19$m=262144,t=12,p=16${SALT_AND_HASH}`, true],
  [`$argon2id$v=19$m=262145,t=3,p=4${SALT_AND_HASH}`, false],
  [`$argon2id$v=19$m=65536,t=13,p=4${SALT_AND_HASH}`, false],
  [`$argon2id$v=19$m=65536,t=3,p=17${SALT_AND_HASH}`, false],
  [`$argon2i$v=19$m=65536,t=3,p=4${SALT_AND_HASH}`, false],
  [`$argon2id$v=16$m=65536,t=3,p=4${SALT_AND_HASH}`, false],
  [`sha256:${"0".repeat(64)}`, false],
  ["", false],
])("%s is taken: %s", (text, expected) => expect(isArgon2idHash(text)).toBe(expected));

test("the right key matches, another does not, and a broken hash matches nothing", async () => {
  const verify = openArgon2();
  expect(await Promise.all([verify(KEY, HASH), verify(`${KEY}x`, HASH), verify(KEY, "")])).toEqual([
    true,
    false,
    false,
  ]);
});

test("only so many may wait", async () => {
  const verify = openArgon2();
  const cheap = HASH.replace("m=65536,t=3", "m=64,t=1");
  const all = await Promise.allSettled(Array.from({ length: 60 }, () => verify(KEY, cheap)));
  const refused = all.filter(({ status }) => status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThanOrEqual(60 - 32);
  expect(await verify(KEY, HASH)).toBe(true);
});
