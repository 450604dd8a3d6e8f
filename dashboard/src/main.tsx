import { render } from "preact";
import { Api, ApiError, messageOf, wait } from "./api.ts";
import { App } from "./app.tsx";
import { AppContext } from "./parts/app-context.ts";
import { PdfReader } from "./pdf/reader.ts";
import { followAddress, linkIn } from "./route.ts";
import { Uploads } from "./upload/uploads.ts";
import { Watch } from "./upload/watch.ts";

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no place for the app");

const api = new Api();
const watch = new Watch(api);
const uploads = new Uploads(api, (file) => watch.follow(file));
const pdf = new PdfReader(api);

addEventListener("beforeunload", (event) => {
  if (uploads.isBusy) event.preventDefault();
});

// A file that is let go beside the field would be opened in the place of this page.
for (const type of ["dragover", "drop"] as const)
  addEventListener(type, (event) => {
    const { dataTransfer } = event;
    if (event.defaultPrevented || dataTransfer === null || !dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    dataTransfer.dropEffect = "none";
  });

let team = "";
api.me.watch(() => {
  const me = api.me.value;
  if (me === null ? api.replacedBy.value === null : me.team === team) return;
  // The page stays open while people change: nothing of one team may be seen, or sent, as another.
  team = me?.team ?? "";
  uploads.forget();
  watch.forget();
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void api.lookWho();
});

// A link that is pasted into the address of a page that is open loads nothing anew.
addEventListener("hashchange", () => {
  if (linkIn(location.hash) !== null) void signInByAddress();
});
const signedIn = signInByAddress();
followAddress();
await signedIn;
draw();

function draw(): void {
  if (root === null) return;
  render(
    <AppContext.Provider value={{ api, uploads, watch, pdf }}>
      <App />
    </AppContext.Provider>,
    root,
  );
}

/** With the link in the address, which leaves it before anything else; else as this browser is signed in. */
async function signInByAddress(): Promise<void> {
  const link = linkIn(location.hash);
  if (link !== null) history.replaceState(null, "", `${location.pathname}#/`);
  try {
    await answered(() => (link === null ? api.resume() : api.signInWithLink(link)));
    api.refused.set(null);
  } catch (error) {
    // A link that was opened twice, in a browser that is signed in: go on.
    const me = link === null ? null : await answered(() => api.resume()).catch(() => null);
    api.refused.set(me === null ? messageOf(error) : null);
  }
}

/** Again and again while nothing answers, or the server says that it has no time; what is drawn says so meanwhile. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || !(error.retryable || error.status >= 500)) throw error;
      api.refused.set(messageOf(error));
      draw();
      await wait(Math.max(error.retryAfterMs, 500));
      await api.back();
    }
  }
}
