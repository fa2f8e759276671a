import { Link } from "../parts/link.js";
import { PageHead } from "../parts/page-head.js";

export function UnknownPage() {
  return (
    <>
      <PageHead title="Nothing here" intro="This address is not a page of the console." />
      <Link to="/" class="button primary">
        Go to the overview
      </Link>
    </>
  );
}
