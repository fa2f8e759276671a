import { THEMES, type Theme, useAppearance } from "../app/theme.js";
import { Icon, type IconName } from "./icon.js";

const FACES: Readonly<Record<Theme, { icon: IconName; label: string }>> = {
  system: { icon: "screen", label: "as the system" },
  light: { icon: "sun", label: "light" },
  dark: { icon: "moon", label: "dark" },
};

/** Steps through system, light and dark. */
export function ThemeSwitch() {
  const { theme, setTheme } = useAppearance();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const label = `Appearance: ${FACES[theme].label}. Change to ${FACES[next].label}`;
  return (
    <button
      type="button"
      class="button quiet icon-only"
      aria-label={label}
      title={label}
      onClick={() => setTheme(next)}
    >
      <Icon name={FACES[theme].icon} />
    </button>
  );
}
