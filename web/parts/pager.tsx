interface PagerProps {
  /** Counted from zero. */
  readonly page: number;
  readonly total: number;
  readonly size: number;
  readonly onChange: (page: number) => void;
}

/** Nothing when everything fits on one page. */
export function Pager({ page, total, size, onChange }: PagerProps) {
  const pages = Math.ceil(total / size);
  if (pages <= 1) return null;
  return (
    <nav class="pager" aria-label="Pages of the list">
      <button type="button" class="button" disabled={page === 0} onClick={() => onChange(page - 1)}>
        Previous
      </button>
      <span>
        Page {page + 1} of {pages}
      </span>
      <button type="button" class="button" disabled={page + 1 >= pages} onClick={() => onChange(page + 1)}>
        Next
      </button>
    </nav>
  );
}
