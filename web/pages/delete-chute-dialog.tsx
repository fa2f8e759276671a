import { type ChuteDetail, deleteChute } from "../api/chutes.js";
import { useSession } from "../app/session.js";
import { useToast } from "../app/toasts.js";
import { ConfirmDialog } from "../parts/confirm-dialog.js";

interface DeleteProps {
  readonly chute: ChuteDetail;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

export function DeleteChuteDialog({ chute, onClose, onDeleted }: DeleteProps) {
  const { api } = useSession();
  const say = useToast();
  const remove = async () => {
    await deleteChute(api, chute.id);
    say(`Deleted ${chute.name}.`);
    onDeleted();
  };
  return (
    <ConfirmDialog title={`Delete ${chute.name}?`} action="Delete the chute" onConfirm={remove} onClose={onClose}>
      <p>Its instances stop and calls to it fail from now on. You can deploy it again from your source.</p>
    </ConfirmDialog>
  );
}
