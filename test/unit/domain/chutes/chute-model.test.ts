import { expect, test } from "vitest";
import { modelRepoOf } from "../../../../src/domain/chutes/chute-model.js";

test.each([
  ['build_sglang_chute(model_name="org/model-1.0")', "org/model-1.0"],
  ["build(\n  model_name = 'a/b',\n  revision='x')", "a/b"],
  ['snapshot_download(repo_id="org/first")\nmodel_name="org/second"', "org/first"],
  ['AutoModel.from_pretrained(model_name_or_path="org/m")', "org/m"],
])("03 §9.8: the source %j names %s", (code, repo) => {
  expect(modelRepoOf({ code, name: "my-chute", standardTemplate: null })).toBe(repo);
});

test.each([
  ['model_name="../../etc/passwd"'],
  ['model_name="no-organisation"'],
  ["model_name=f'{org}/{name}'"],
  ['other_model_names="a/b"'],
])("03 §9.8: the source %j names none", (code) => {
  expect(modelRepoOf({ code, name: "my-chute", standardTemplate: null })).toBeUndefined();
  expect(modelRepoOf({ code, name: "org/llm", standardTemplate: "vllm" })).toBe("org/llm");
  expect(modelRepoOf({ code, name: "org/picture", standardTemplate: "diffusion" })).toBeUndefined();
});
