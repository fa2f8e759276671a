import { readFile } from "node:fs/promises";
import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { AppError } from "../../kernel/errors.js";
import { type ImportReport, importImage } from "../../operator/images/import-image.js";

export default class ImageImport extends BaseCommand {
  static override summary = "Register an image that a container registry holds, so that chutes can be deployed on it";
  static override description =
    "The registry must hold it as USERNAME/NAME:TAG in lower case. Credentials come from REGISTRY_USERNAME and REGISTRY_PASSWORD, or REGISTRY_TOKEN.";
  static override examples = [
    "<%= config.bin %> image import vllm:0.10.1 --public",
    "<%= config.bin %> image import alice/my-image:1.0 --chutes-version 0.6.10 --dry-run --json",
  ];
  static override args = { image: Args.string({ description: "[USERNAME/]NAME:TAG", required: true }) };
  static override flags = {
    ...configFlags,
    owner: Flags.string({ description: "account that owns it; default the platform's", env: "IMAGE_OWNER" }),
    public: Flags.boolean({ description: "every developer may use it", default: false, env: "IMAGE_PUBLIC" }),
    "chutes-version": Flags.string({
      description: "SDK version inside; default what the image itself says",
      env: "IMAGE_CHUTES_VERSION",
    }),
    registry: Flags.string({ description: "where the image is", env: "REGISTRY_URL", helpValue: "URL" }),
    readme: Flags.string({ description: "text file shown with the image", env: "IMAGE_README", helpValue: "FILE" }),
    "dry-run": Flags.boolean({ description: "look it up, register nothing", default: false }),
  };

  async run(): Promise<ImportReport> {
    const { args, flags } = await this.parse(ImageImport);
    const overrides = flags.registry === undefined ? {} : { registry: { url: flags.registry } };
    const report = await importImage(this.contextOf(this.readConfig(flags.config, overrides)), {
      image: args.image,
      owner: flags.owner,
      public: flags.public,
      chutesVersion: flags["chutes-version"],
      readme: flags.readme === undefined ? undefined : await readReadme(flags.readme),
      dryRun: flags["dry-run"],
    });
    this.print(report.image_id);
    this.say(sentence(report));
    if (!report.deployable)
      this.say(`Chutes cannot be deployed on it: chutes ${report.chutes_version} is too old here.`);
    return report;
  }
}

const README_LIMIT = 16_384;

async function readReadme(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new AppError("invalid", `cannot read ${file}`, { fix: "--readme FILE", cause });
  });
  if (text.length <= README_LIMIT && !text.includes("\0")) return text;
  throw new AppError("invalid", `${file} is not a text of at most ${README_LIMIT} characters`);
}

function sentence({ dry_run, outcome, image, chutes_version, digest }: ImportReport): string {
  const did = { registered: ["Registered", "Would register"], renewed: ["Renewed", "Would renew"] } as const;
  return `${did[outcome][dry_run ? 1 : 0]} ${image} (chutes ${chutes_version}, ${digest}).`;
}
