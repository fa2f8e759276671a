const STORAGE_KEY = "console.token";

/** The credential of an earlier visit: of this tab, or of this device when the user chose to stay signed in. */
export function storedToken(): string | undefined {
  return sessionStorage.getItem(STORAGE_KEY) ?? localStorage.getItem(STORAGE_KEY) ?? undefined;
}

/** `staySignedIn`: also after the browser was closed. */
export function storeToken(token: string, staySignedIn: boolean): void {
  forgetToken();
  (staySignedIn ? localStorage : sessionStorage).setItem(STORAGE_KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(STORAGE_KEY);
  localStorage.removeItem(STORAGE_KEY);
}

/** Calls back when another tab signs out. Returns how to stop listening. */
export function onTokenForgotten(forgotten: () => void): () => void {
  const listen = ({ key, newValue }: StorageEvent) => {
    if (key === STORAGE_KEY && newValue === null) forgotten();
  };
  addEventListener("storage", listen);
  return () => removeEventListener("storage", listen);
}
