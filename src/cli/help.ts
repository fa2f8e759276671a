import { CommandHelp, Help } from "@oclif/core";

/** Examples first: most people who ask for help want to see the command they are about to type. */
class ExamplesFirst extends CommandHelp {
  protected override sections() {
    const sections = super.sections();
    return [
      ...sections.filter(({ header }) => header === "EXAMPLES"),
      ...sections.filter(({ header }) => header !== "EXAMPLES"),
    ];
  }
}

/** The binary's help. */
// biome-ignore lint/style/noDefaultExport: the command framework loads the class by its default export
export default class HouseHelp extends Help {
  protected override CommandHelpClass = ExamplesFirst;
}
