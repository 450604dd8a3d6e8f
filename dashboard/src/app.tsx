import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "./api.ts";
import { Ask } from "./pages/ask.tsx";
import { Buckets } from "./pages/buckets.tsx";
import { Drop } from "./pages/drop.tsx";
import { FilePage } from "./pages/file.tsx";
import { Files } from "./pages/files.tsx";
import { Health } from "./pages/health.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { useApp } from "./parts/app-context.ts";
import { Button, Heading, Notice } from "./parts/basics.tsx";
import { type Route, route } from "./route.ts";
import { useStore } from "./store.ts";

const PAGES = [
  { page: "drop", href: "#/", says: "Drop" },
  { page: "ask", href: "#/ask", says: "Ask" },
  { page: "files", href: "#/files", says: "Files" },
  { page: "buckets", href: "#/buckets", says: "Buckets" },
  { page: "health", href: "#/health", says: "Health" },
] as const;

export function App() {
  const { api } = useApp();
  const me = useStore(api.me);
  const at = useStore(route);
  const isAway = useStore(api.isAway);
  const waits = useStore(api.waitsSeconds);
  const [says, setSays] = useState<string | null>(null);
  useEffect(() => setSays(null), [me]);
  const signOut = () =>
    void api.signOut().catch((error: unknown) => setSays(`You are still signed in. ${messageOf(error)}`));
  useEffect(() => {
    const says = PAGES.find(({ page }) => page === at.page)?.says ?? "File";
    document.title = me === null ? "Sign in · Wharf" : `${says} · Wharf`;
  }, [at, me]);
  return (
    <>
      <button type="button" class="skip" onClick={toContent}>
        To the content
      </button>
      <header>
        <a class="brand" href="#/">
          Wharf
        </a>
        {me === null ? null : (
          <nav aria-label="Pages of the dashboard">
            {PAGES.map(({ page, href, says }) => (
              <a key={page} href={href} aria-current={isAt(at, page) ? "page" : undefined}>
                {says}
              </a>
            ))}
          </nav>
        )}
        <div class="row end">
          <Theme />
          {me === null ? null : (
            <>
              <span class="team" title="Team">
                {me.team}
              </span>
              <Button kind="quiet" onClick={signOut}>
                Sign out
              </Button>
            </>
          )}
        </div>
      </header>
      {isAway ? (
        <Notice tone="bad">
          The server does not answer. Nothing is lost; this page goes on by itself once it is back.
        </Notice>
      ) : null}
      {waits === null || isAway ? null : (
        <Notice tone="busy">
          The server has no time just now and asks to wait {waits} s. This page goes on by itself.
        </Notice>
      )}
      {says === null ? null : <Notice tone="bad">{says}</Notice>}
      {me === null ? <SignIn /> : <Page key={me.team} at={at} />}
    </>
  );
}

/** No link: what stands behind `#` is a page of the dashboard. */
function toContent(): void {
  document.querySelector<HTMLElement>("main h1")?.focus();
}

function isAt(at: Route, page: string): boolean {
  return at.page === page || (at.page === "file" && page === "files");
}

function Page({ at }: { readonly at: Route }) {
  switch (at.page) {
    case "drop":
      return <Drop />;
    case "ask":
      return <Ask query={at.query} bucket={at.bucket} place={at.place} />;
    case "files":
      return (
        <Seen heading="Files">
          <Files filter={at.filter} />
        </Seen>
      );
    case "file":
      return (
        <Seen heading="File">
          <FilePage key={at.id} id={at.id} at={at.at} />
        </Seen>
      );
    case "buckets":
      return (
        <Seen heading="Buckets">
          <Buckets />
        </Seen>
      );
    case "health":
      return <Health />;
  }
}

/** A page of what files:read shows, or why it is empty. */
function Seen({ heading, children }: { readonly heading: string; readonly children: ComponentChildren }) {
  const { api } = useApp();
  if (api.may("files:read")) return <>{children}</>;
  return (
    <main id="main">
      <Heading>{heading}</Heading>
      <Notice tone="quiet">You may not see files: that needs the scope files:read.</Notice>
    </main>
  );
}

const THEMES = ["auto", "light", "dark"] as const;
type ThemeName = (typeof THEMES)[number];
const THEME = "wharf-theme";

/** The only thing that is kept in the browser. */
function Theme() {
  const [theme, setTheme] = useState<ThemeName>(keptTheme);
  useEffect(() => {
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  const change = (name: string) => {
    const next = THEMES.find((known) => known === name) ?? "auto";
    setTheme(next);
    try {
      localStorage.setItem(THEME, next);
    } catch {
      // A browser that keeps nothing: then it is for as long as the page is open.
    }
  };
  return (
    <select class="theme" aria-label="Colours" value={theme} onChange={(event) => change(event.currentTarget.value)}>
      <option value="auto">◐ Auto</option>
      <option value="light">☀ Light</option>
      <option value="dark">☾ Dark</option>
    </select>
  );
}

function keptTheme(): ThemeName {
  try {
    return THEMES.find((known) => known === localStorage.getItem(THEME)) ?? "auto";
  } catch {
    return "auto";
  }
}
