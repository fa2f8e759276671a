import type { ComponentChildren } from "preact";
import type { Loaded } from "../app/use-loaded.js";
import { Icon, type IconName } from "./icon.js";

export function Loading({ what }: { what: string }) {
  return (
    <p class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      Loading {what}…
    </p>
  );
}

export function Failure({ message, onRetry }: { message: string; onRetry?: () => void }) {
  return (
    <div class="state failure" role="alert">
      <Icon name="warning" />
      <p>{message}</p>
      {onRetry && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface EmptyProps {
  readonly icon?: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function Empty({ icon = "empty", title, children }: EmptyProps) {
  return (
    <div class="state empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

interface ResourceProps<T> {
  readonly of: Loaded<T>;
  /** Completes "Loading …". */
  readonly what: string;
  readonly children: (value: T) => ComponentChildren;
}

/** Shows what was read; before that, in words, that it is being read or why it could not be. */
export function Resource<T>({ of, what, children }: ResourceProps<T>) {
  const { value, error, isLoading, reload } = of;
  if (value === undefined)
    return isLoading ? <Loading what={what} /> : <Failure message={error ?? ""} onRetry={reload} />;
  return (
    <>
      {error !== undefined && <Failure message={error} onRetry={reload} />}
      {children(value)}
    </>
  );
}
