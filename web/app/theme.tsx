import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

interface Appearance {
  readonly theme: Theme;
  /** What is shown now. */
  readonly scheme: "light" | "dark";
  setTheme(theme: Theme): void;
}

const STORAGE_KEY = "console.theme";
const darkQuery = () => matchMedia("(prefers-color-scheme: dark)");

const AppearanceContext = createContext<Appearance>({ theme: "system", scheme: "light", setTheme: () => undefined });

/** Follows the system until the user chooses; the choice stays on this device. */
export function AppearanceProvider({ children }: { children: ComponentChildren }) {
  const [theme, setTheme] = useState(storedTheme);
  const [systemIsDark, setSystemIsDark] = useState(() => darkQuery().matches);
  useEffect(() => {
    const query = darkQuery();
    const follow = () => setSystemIsDark(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem(STORAGE_KEY, theme);
  }, [theme]);
  const systemScheme = systemIsDark ? "dark" : "light";
  const scheme = theme === "system" ? systemScheme : theme;
  return <AppearanceContext.Provider value={{ theme, scheme, setTheme }}>{children}</AppearanceContext.Provider>;
}

export function useAppearance(): Appearance {
  return useContext(AppearanceContext);
}

function storedTheme(): Theme {
  return THEMES.find((theme) => theme === localStorage.getItem(STORAGE_KEY)) ?? "system";
}
