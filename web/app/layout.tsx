import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../parts/icon.js";
import { Link } from "../parts/link.js";
import { Logo } from "../parts/logo.js";
import { ThemeSwitch } from "../parts/theme-switch.js";
import { useRouter } from "./router.js";
import { routeOf } from "./routes.js";
import { useSession } from "./session.js";

interface Entry {
  readonly to: string;
  readonly label: string;
  readonly icon: IconName;
  /** Pages that belong to the entry. */
  readonly pages: readonly string[];
}

const ENTRIES: readonly Entry[] = [
  { to: "/", label: "Overview", icon: "overview", pages: ["overview", "login"] },
  { to: "/console/chutes", label: "Chutes", icon: "chute", pages: ["chutes", "chute"] },
  { to: "/console/playground", label: "Playground", icon: "chat", pages: ["playground"] },
  { to: "/console/keys", label: "API keys", icon: "key", pages: ["keys"] },
  { to: "/console/settings", label: "Settings", icon: "settings", pages: ["settings"] },
];

/** The frame around every page: where one is, who one is, and how to leave. */
export function Layout({ children }: { children: ComponentChildren }) {
  return (
    <div class="frame">
      <a class="skip" href="#content">
        Skip to content
      </a>
      <header class="side">
        <div class="brand">
          <Logo />
          <span>Console</span>
          <ThemeSwitch />
        </div>
        <Navigation />
        <Identity />
      </header>
      <main id="content" class="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Navigation() {
  const { page } = routeOf(useRouter().path);
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the entries are a strip that is wider than the screen.
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [page]);
  return (
    <nav class="nav" aria-label="Pages" ref={nav}>
      {ENTRIES.map(({ to, label, icon, pages }) => (
        <Link key={to} to={to} class="nav-link" aria-current={pages.includes(page) ? "page" : undefined}>
          <Icon name={icon} />
          <span>{label}</span>
        </Link>
      ))}
    </nav>
  );
}

function Identity() {
  const { account, logOut } = useSession();
  return (
    <div class="who">
      <span class="avatar" aria-hidden="true">
        {account.username.slice(0, 1).toUpperCase()}
      </span>
      <span class="who-name" title={account.username}>
        {account.username}
      </span>
      <button type="button" class="button quiet icon-only" onClick={logOut} aria-label="Log out" title="Log out">
        <Icon name="leave" />
      </button>
    </div>
  );
}
