import { Flags } from "@oclif/core";
import { BaseCommand, configFlags } from "../../cli/base-command.js";
import { table } from "../../cli/table.js";
import type { ImageLine } from "../../operator/images/image-line.js";
import { listImages } from "../../operator/images/list-images.js";

export default class ImageList extends BaseCommand {
  static override summary = "List the images that chutes can be deployed on";
  static override examples = ["<%= config.bin %> image list", "<%= config.bin %> image list --owner alice --json"];
  static override flags = {
    ...configFlags,
    owner: Flags.string({ description: "only images of this account", env: "IMAGE_OWNER" }),
    limit: Flags.integer({ description: "newest images", default: 100, min: 1, max: 10_000, env: "IMAGE_LIMIT" }),
  };

  async run(): Promise<{ images: ImageLine[] }> {
    const { flags } = await this.parse(ImageList);
    const images = await listImages(this.contextOf(this.readConfig(flags.config)), {
      owner: flags.owner,
      limit: flags.limit,
    });
    this.print(
      table(
        ["image", "id", "public", "status", "chutes version", "created", "chutes"],
        images.map((image) => [
          image.image,
          image.image_id,
          image.public ? "yes" : "",
          image.status,
          image.chutes_version ?? "",
          image.created_at,
          image.chutes,
        ]),
      ),
    );
    return { images };
  }
}
