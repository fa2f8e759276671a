import { CopyButton } from "../parts/copy-button.js";
import { Dialog } from "../parts/dialog.js";

interface SecretProps {
  readonly name: string;
  readonly secret: string;
  readonly onClose: () => void;
}

/** The one time that a key is seen. */
export function SecretDialog({ name, secret, onClose }: SecretProps) {
  return (
    <Dialog title={`Your new key ${name}`} onClose={onClose}>
      <div class="dialog-body">
        <p>
          <strong>Copy it now.</strong> It is shown this one time; the platform keeps only a hash of it.
        </p>
        <code class="secret">{secret}</code>
      </div>
      <div class="dialog-actions">
        <CopyButton text={secret} what="new key" withLabel />
        <button type="button" class="button primary" onClick={onClose}>
          I have kept it
        </button>
      </div>
    </Dialog>
  );
}
