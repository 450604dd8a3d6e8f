import { useState } from "preact/hooks";
import { ApiError, messageOf } from "../api.ts";
import { useApp } from "../parts/app-context.ts";
import { Button, Field, Heading, Notice } from "../parts/basics.tsx";
import { useStore } from "../store.ts";

/** Nobody is signed in: open a link, or paste a key. */
export function SignIn() {
  const { api } = useApp();
  const [key, setKey] = useState("");
  const error = useStore(api.refused);
  const replacedBy = useStore(api.replacedBy);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    api.refused.set(null);
    await api.signInWithKey(key.trim()).catch((reason: unknown) => api.refused.set(refusal(reason)));
    setBusy(false);
  };
  return (
    <main id="main" class="narrow">
      <Heading>Sign in</Heading>
      {error === null ? null : <Notice tone="bad">{error}</Notice>}
      {replacedBy === null ? null : (
        <Notice tone="bad">
          <p>
            In another tab, this browser was signed in for the team <strong>{replacedBy}</strong>. So this tab is signed
            out of its own: it shows nothing of {replacedBy} under another name, and sends nothing there.
          </p>
          <Button onClick={() => void api.resume().catch((reason: unknown) => api.refused.set(messageOf(reason)))}>
            Go on here as {replacedBy}
          </Button>
        </Notice>
      )}
      <section class="card">
        <h2>With a link</h2>
        <p>On the server's machine, this prints a link that signs one browser in, once and within a minute:</p>
        <pre>wharf dashboard link</pre>
        <p class="hint">In a clone of the repository: bin/wharf dashboard link</p>
      </section>
      <section class="card">
        <h2>With a key</h2>
        <form onSubmit={(event) => void submit(event)}>
          <Field label="API key" hint="It stays in this page's memory and is gone when the page is closed or reloaded.">
            <input
              type="password"
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
              autocomplete="off"
              spellcheck={false}
              placeholder="sk_…"
              required
            />
          </Field>
          <Button submit kind="main" disabled={isBusy || key.trim() === ""}>
            {isBusy ? "Looking …" : "Sign in"}
          </Button>
        </form>
      </section>
    </main>
  );
}

/** The API's own sentence is for programs. */
function refusal(reason: unknown): string {
  if (reason instanceof ApiError && reason.status === 401)
    return "That is no key of this server, or it was revoked. On the server's machine, wharf keys create makes one.";
  return messageOf(reason);
}
