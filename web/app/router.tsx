import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";

interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

interface Router extends Place {
  go(to: string): void;
  /** The same without a step in the history. */
  replace(to: string): void;
}

const RouterContext = createContext<Router | undefined>(undefined);

function placeNow(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Keeps the address bar and the page in step. */
export function RouterProvider({ children }: { children: ComponentChildren }) {
  const [place, setPlace] = useState(placeNow);
  useEffect(() => {
    const follow = () => setPlace(placeNow());
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const go = useCallback((to: string) => {
    history.pushState(null, "", to);
    setPlace(placeNow());
    scrollTo(0, 0);
  }, []);
  const replace = useCallback((to: string) => {
    history.replaceState(null, "", to);
    setPlace(placeNow());
  }, []);
  return <RouterContext.Provider value={{ ...place, go, replace }}>{children}</RouterContext.Provider>;
}

export function useRouter(): Router {
  const router = useContext(RouterContext);
  if (router === undefined) throw new Error("useRouter needs a RouterProvider");
  return router;
}
