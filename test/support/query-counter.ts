import type {
  KyselyPlugin,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryResult,
  RootOperationNode,
  UnknownRow,
} from "kysely";

/** Remembers the kind of every statement that goes through a database handle. */
export class PluginCounter implements KyselyPlugin {
  readonly queries: string[] = [];

  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    this.queries.push(node.kind);
    return node;
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return result;
  }
}
