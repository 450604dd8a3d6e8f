import { render } from "preact";
import { Api, ApiError, messageOf } from "./api.ts";
import { App } from "./app.tsx";
import { AppContext } from "./parts/app-context.ts";
import { PdfReader } from "./pdf/reader.ts";
import { followAddress } from "./route.ts";
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

const refused = await signInByAddress();
followAddress();
render(
  <AppContext.Provider value={{ api, uploads, watch, pdf }}>
    <App refused={refused} />
  </AppContext.Provider>,
  root,
);

/**
 * With the link that the page was opened with, which leaves the address before anything else; else as this browser is
 * signed in. Returns why the link signs nobody in.
 */
async function signInByAddress(): Promise<string | null> {
  const link = /^#link=(.*)$/.exec(location.hash)?.[1];
  if (link === undefined) {
    await answered(() => api.resume());
    return null;
  }
  history.replaceState(null, "", `${location.pathname}#/`);
  try {
    await answered(() => api.signInWithLink(link));
    return null;
  } catch (error) {
    // A link that was opened twice, in a browser that is signed in: go on.
    return (await answered(() => api.resume())) === null ? messageOf(error) : null;
  }
}

/** Again and again while nothing answers. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 0) throw error;
      await api.back();
    }
  }
}
