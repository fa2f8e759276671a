import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { deleteImage } from "../../operator/images/delete-image.js";

interface Deletion {
  readonly image_id: string;
  readonly image: string;
  readonly deleted: boolean;
  readonly dry_run: boolean;
}

export default class ImageDelete extends BaseCommand {
  static override summary = "Take an image out of the platform; the registry keeps its copy";
  static override examples = [
    "<%= config.bin %> image delete vllm:0.10.1",
    "<%= config.bin %> image delete alice/my-image:1.0 --dry-run --json",
  ];
  static override args = {
    image: Args.string({ description: "id or [USERNAME/]NAME:TAG; without a user, the platform's", required: true }),
  };
  static override flags = {
    ...configFlags,
    "dry-run": Flags.boolean({ description: "check whether it can be deleted, delete nothing", default: false }),
  };

  async run(): Promise<Deletion> {
    const { args, flags } = await this.parse(ImageDelete);
    const ctx = this.contextOf(this.readConfig(flags.config));
    const { image, image_id } = await deleteImage(ctx, { image: args.image, dryRun: flags["dry-run"] });
    this.print(image_id);
    this.say(`${flags["dry-run"] ? "Would delete" : "Deleted"} ${image}.`);
    return { image_id, image, deleted: !flags["dry-run"], dry_run: flags["dry-run"] };
  }
}
