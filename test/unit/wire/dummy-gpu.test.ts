import { expect, test } from "vitest";
import {
  checkDummyWorkProduct,
  DUMMY_SEED,
  dummyDecrypt,
  dummyDeviceInfoAnswer,
  dummyEncrypt,
  dummyKey,
  dummyWorkProduct,
} from "../../../src/wire/dummy-gpu.js";

const device = { seed: DUMMY_SEED, uuid: "gpu-1" };
const MAX_SEED = 18446744073709551615n;

test("06 §7.2: key, also of a seed of 64 bits", () => {
  expect(dummyKey(42n, "gpu-1").toString("hex")).toBe(
    "610e97489bb2620a9f6a83ba8322aa61b62d15c4b895ae502692453c80199020",
  );
  expect(dummyKey(MAX_SEED, "gpu-1").toString("hex")).toBe(
    "f0856cb8be18ce7aaa15f10cc3effa936767be544ae270a931014706bb97762a",
  );
});

test("06 §7.2: ciphertext is IV and AES-256-CBC", () => {
  const iv = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
  const sealed = Buffer.from(dummyEncrypt({ seed: MAX_SEED, uuid: "gpu-1", plain: "secret text", iv }), "base64");
  expect(sealed.subarray(0, 16)).toEqual(iv);
  expect(sealed.subarray(16).toString("base64")).toBe("ilnGjtsg8H4ar68iqR/3iw==");
});

test("06 §7.2: only the same seed and device decrypt", () => {
  const ciphertext = dummyEncrypt({ ...device, plain: "00112233" });
  expect(dummyDecrypt({ ...device, ciphertext })).toBe("00112233");
  expect(dummyDecrypt({ seed: 43n, uuid: "gpu-1", ciphertext })).not.toBe("00112233");
  expect(dummyDecrypt({ seed: 42n, uuid: "gpu-2", ciphertext })).not.toBe("00112233");
  expect(dummyDecrypt({ ...device, ciphertext: "" })).toBeUndefined();
});

test("06 §7.2: work product", () => {
  const product = dummyWorkProduct({ ...device, iterations: 2 });
  expect(product).toMatchObject({ num_matrices: 4, total_iterations: 2 });
  expect(product.intermediate_hashes).toHaveLength(8);
  expect(product.intermediate_hashes[0]).toBe("5ddb32f94b1db9784550aae2723e3b11c3b8516d86f257d7edbf33c2ef264bcf");
  expect(product.intermediate_hashes[7]).toBe("b399de904ddb134f8889df08be1e78ba4c81017d9a0f4dd2c569035978c13b95");
});

test("06 §7.2: a work product of another device, length or shape is refused", () => {
  const check = (workProduct: unknown) => checkDummyWorkProduct({ ...device, iterations: 2, workProduct });
  const product = dummyWorkProduct({ ...device, iterations: 2 });
  expect(check(JSON.parse(JSON.stringify(product)))).toBe(true);
  expect(check(dummyWorkProduct({ seed: 42n, uuid: "gpu-2", iterations: 2 }))).toBe(false);
  expect(check(dummyWorkProduct({ ...device, iterations: 1 }))).toBe(false);
  for (const shape of [undefined, null, 1, [], {}, { intermediate_hashes: 8 }, { intermediate_hashes: [] }])
    expect(check(shape)).toBe(false);
});

test("06 §7.2: device-info answer", () => {
  expect(dummyDeviceInfoAnswer("hello", ["gpu-1", "gpu-2"])).toBe(
    "5f61a5614e49e4e87dcfb56713a342b0df48794d1c32caae636ef6155161fc24",
  );
});
