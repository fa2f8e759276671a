import { expect, test } from "vitest";
import { imageNameProblem, parseImageReference } from "../../../../src/domain/images/image.js";

test.each([
  ["my-image:1.0", { username: undefined, name: "my-image", tag: "1.0" }],
  ["alice/my-image:1.0", { username: "alice", name: "my-image", tag: "1.0" }],
  ["//Alice/My_Image:V1", { username: "Alice", name: "My_Image", tag: "V1" }],
])("02 §3.4: %s", (text, reference) => {
  expect(parseImageReference(text)).toEqual(reference);
});

test.each(["my-image", "a/b/c:1", ":1", "x:", "-x:1", "a:b:c"])("02 §3.4: %s is no reference", (text) => {
  expect(parseImageReference(text)).toBeUndefined();
});

test.each([
  { username: "alice", name: "my-image", tag: "1.0" },
  { username: "Alice", name: "My_Image", tag: "V1.2" },
  { username: "a-b", name: "team/tool", tag: "nightly-2025111700" },
])("02 §2.2: $username/$name:$tag can be stored", (image) => {
  expect(imageNameProblem(image)).toBeUndefined();
});

test.each([
  { username: "_bob", name: "my-image", tag: "1.0" },
  { username: "bob-", name: "my-image", tag: "1.0" },
  { username: "bob", name: "a..b", tag: "1.0" },
  { username: "bob", name: "my-image-", tag: "1.0" },
  { username: "bob", name: "my-image\n", tag: "1.0" },
  { username: "bob", name: "ab", tag: "1.0" },
  { username: "bob", name: "my-image", tag: "a/b" },
  { username: "bob", name: "my-image", tag: "1" },
  { username: "bob", name: "my-image", tag: "forgebuild-x" },
])("02 §2.2: $username/$name:$tag cannot", (image) => {
  expect(imageNameProblem(image)).toEqual(expect.any(String));
});
