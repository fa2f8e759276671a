import tseslint from "typescript-eslint";

// Biome does the rest: only what needs types lives here.
export default tseslint.config(
  { ignores: ["dist", "node_modules", "coverage", "**/*.js", "**/*.cjs", "**/*.mjs"] },
  {
    files: ["src/**/*.ts", "test/**/*.ts", "bench/**/*.ts", "web/**/*.{ts,tsx}"],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/return-await": ["error", "in-try-catch"],
      "no-restricted-properties": [
        "error",
        {
          object: "vi",
          property: "mock",
          message: "Own modules are never mocked; use a fake that speaks the protocol.",
        },
        {
          object: "vi",
          property: "doMock",
          message: "Own modules are never mocked; use a fake that speaks the protocol.",
        },
      ],
    },
  },
);
