export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="logo-ground" width="32" height="32" rx="8" />
      <path
        class="logo-canopy"
        d="M5 15a11 9.5 0 0 1 22 0c-2-1.7-5.3-1.7-7.3 0-2-1.7-5.4-1.7-7.4 0-2-1.7-5.3-1.7-7.3 0z"
      />
      <path class="logo-lines" d="M5 15l9.5 9.5M27 15l-9.5 9.5M12.3 15l2.9 9M19.7 15l-2.9 9" />
      <rect class="logo-load" x="13.3" y="23.5" width="5.4" height="4.2" rx="1.2" />
    </svg>
  );
}
