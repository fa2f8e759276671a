/** What a route ending in `*` left over; names contain slashes. Not in a schema: the converter takes `*` for a pattern. */
export function restOfPath(request: { readonly params: unknown }): string {
  return (request.params as Record<string, string>)["*"] ?? "";
}
