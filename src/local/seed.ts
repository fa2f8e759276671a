/** The image record that stands in for a built one: the forge is not needed to deploy in dev. */
export const DEMO_IMAGE = {
  name: "engine",
  tag: "1.0",
  reference: "chutes/engine:1.0",
  chutesVersion: "0.6.9",
} as const;

/** The public chute that every dev platform offers. */
export const DEMO_CHUTE = { name: "dev/echo", filename: "echo.py", refStr: "echo:chute" } as const;
