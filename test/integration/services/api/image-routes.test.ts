import { expect } from "vitest";
import { imageIdOf } from "../../../../src/wire/ids.js";
import {
  type AccountApi,
  call,
  type Developer,
  givenDeveloper,
  givenImage,
  NOW,
} from "../../../support/account-api.js";
import { test } from "../../../support/account-test.js";

const get = (api: AccountApi, user: Developer, url: string) =>
  call(api, { url, signer: user.signer, purpose: "images" });

test("02 §3.4: the SDK finds a built image by its own id and by its name", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "Alice" });
  const imageId = await givenImage(api, alice, { name: "My-Image", tag: "V1" });
  expect(imageId).toBe("42436fa4-19e1-55ba-872e-39db85b41e62");
  const names = ["my-image:v1", "/MY-IMAGE:V1", "alice/My-Image:V1"];
  for (const name of [imageId, imageId.toUpperCase(), ...names]) {
    const response = await get(api, alice, `/images/${name}`);
    expect(response.statusCode, name).toBe(200);
    expect(response.json()).toEqual({
      image_id: imageId,
      name: "My-Image",
      readme: "",
      tag: "V1",
      public: false,
      status: "built and pushed",
      created_at: "2025-10-09T08:53:20.000000Z",
      build_started_at: "2025-10-09T08:53:20.000000Z",
      build_completed_at: "2025-10-09T08:53:20.000000Z",
      user: {
        username: "Alice",
        user_id: alice.userId,
        logo_id: null,
        created_at: "2025-10-09T08:53:20.000000Z",
        logo: null,
      },
      logo_id: null,
      patch_version: "initial",
      logo: null,
    });
  }
});

test("02 §3.4: an image that is unknown or somebody's own is 404", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const bob = await givenDeveloper(api, { username: "bob" });
  const hidden = await givenImage(api, alice);
  await givenImage(api, alice, { name: "open", public: true });
  const unknown = imageIdOf({ username: "bob", name: "next", tag: "1.0" });
  for (const name of [unknown, hidden, "alice/my-image:1.0", "my-image:1.0", "open:1.0", "%25", "my_image:1.0"])
    expect((await get(api, bob, `/images/${name}`)).statusCode, name).toBe(404);
  expect((await get(api, bob, "/images/alice/open:1.0")).statusCode).toBe(200);
  expect((await call(api, { url: "/images/alice/open:1.0" })).statusCode).toBe(401);
});

test("02 §3.3: images are listed newest first, with public ones on demand", async ({ api }) => {
  const alice = await givenDeveloper(api, { username: "alice" });
  const bob = await givenDeveloper(api, { username: "bob" });
  await givenImage(api, alice, { name: "first" });
  api.clock.now = new Date(NOW.getTime() + 1000);
  await givenImage(api, alice, { name: "second", tag: "2.0", public: true });
  await givenImage(api, bob, { name: "hidden" });
  const names = async (user: Developer, query: string) =>
    (await get(api, user, `/images/?${query}`)).json().items.map(({ name }: { name: string }) => name);
  expect((await get(api, alice, "/images/")).json()).toMatchObject({ total: 2, page: 0, limit: 25, cord_refs: null });
  expect(await names(alice, "")).toEqual(["second", "first"]);
  expect(await names(alice, "limit=1&page=1")).toEqual(["first"]);
  expect(await names(alice, "name=IRS")).toEqual(["first"]);
  expect(await names(alice, "tag=2.")).toEqual(["second"]);
  expect(await names(alice, "name=%25")).toEqual([]);
  expect(await names(bob, "include_public=False")).toEqual(["hidden"]);
  expect((await names(bob, "include_public=True")).sort()).toEqual(["hidden", "second"]);
  for (const query of ["limit=0", "limit=1001", "page=-1"])
    expect((await get(api, alice, `/images/?${query}`)).statusCode, query).toBe(422);
});
