import { useState } from "preact/hooks";
import { type ApiKey, deleteKey, listKeys } from "../api/keys.js";
import { useSession } from "../app/session.js";
import { useToast } from "../app/toasts.js";
import { useLoaded } from "../app/use-loaded.js";
import { ConfirmDialog } from "../parts/confirm-dialog.js";
import { Icon } from "../parts/icon.js";
import { PageHead } from "../parts/page-head.js";
import { Empty, Resource } from "../parts/states.js";
import { KeyTable } from "./key-table.js";
import { NewKeyDialog } from "./new-key-dialog.js";
import { SecretDialog } from "./secret-dialog.js";

/** What the page shows on top of the list. */
type Open =
  | { readonly dialog: "new" }
  | { readonly dialog: "secret"; readonly key: ApiKey; readonly secret: string }
  | { readonly dialog: "delete"; readonly key: ApiKey };

export function KeysPage() {
  const { api } = useSession();
  const say = useToast();
  const [open, setOpen] = useState<Open>();
  const page = useLoaded((signal) => listKeys(api, signal), [api]);
  const close = () => setOpen(undefined);
  const newKey = (
    <button type="button" class="button primary" onClick={() => setOpen({ dialog: "new" })}>
      <Icon name="plus" />
      New key
    </button>
  );
  const remove = async (key: ApiKey) => {
    await deleteKey(api, key.id);
    close();
    say(`Deleted the key ${key.name}. It is refused from now on.`);
    page.reload();
  };
  return (
    <>
      <PageHead title="API keys" intro="Programs use these instead of your hotkey.">
        {newKey}
      </PageHead>
      <Resource of={page} what="your API keys">
        {({ keys, total }) =>
          keys.length === 0 ? (
            <Empty icon="key" title="You have no API keys yet.">
              <p>Make one for each program, so that you can take it back alone.</p>
            </Empty>
          ) : (
            <>
              <KeyTable keys={keys} onDelete={(key) => setOpen({ dialog: "delete", key })} />
              {total > keys.length && (
                <p class="fine">
                  The newest {keys.length} of {total} keys.
                </p>
              )}
            </>
          )
        }
      </Resource>
      {open?.dialog === "new" && (
        <NewKeyDialog
          onClose={close}
          onCreated={({ key, secret }) => {
            setOpen({ dialog: "secret", key, secret });
            page.reload();
          }}
        />
      )}
      {open?.dialog === "secret" && <SecretDialog name={open.key.name} secret={open.secret} onClose={close} />}
      {open?.dialog === "delete" && (
        <ConfirmDialog
          title={`Delete the key ${open.key.name}?`}
          action="Delete the key"
          onConfirm={() => remove(open.key)}
          onClose={close}
        >
          <p>Programs that use it are refused at once. This cannot be undone.</p>
        </ConfirmDialog>
      )}
    </>
  );
}
