import { retryAfterOf } from "../../sdk/src/core/patience.ts";
import { isObject, type Json, objectOf, textOf } from "./json.ts";
import { Store } from "./store.ts";

/**
 * Who is signed in. With a link: by a cookie that no script sees. With a key: by the key, which is here alone, in
 * memory.
 */
export interface Me {
  readonly team: string;
  readonly scopes: readonly string[];
  readonly maxFileBytes: number;
  readonly expiresAt: string;
}

/** What the server refused, in its own words; or that it did not answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  /** 0: nothing answered. */
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number;
  readonly details: Json;

  constructor(status: number, body: Json, retryAfterSeconds: number, cause?: unknown) {
    const error = objectOf(body["error"]);
    super(sentenceOf(status, error), { cause });
    this.status = status;
    this.code = textOf(error, "code");
    this.retryable = status === 0 || error["retryable"] === true;
    this.retryAfterMs = retryAfterSeconds * 1000;
    this.details = objectOf(error["details"]);
  }
}

/** The API's own sentence, but where that speaks to programs. */
function sentenceOf(status: number, error: Json): string {
  const scope = textOf(objectOf(error["details"]), "required");
  if (textOf(error, "code") === "forbidden_scope" && scope !== "")
    return `You may not do that: it needs the scope ${scope}.`;
  return textOf(error, "message") || (status === 0 ? AWAY : `The server answered ${status}. Try again.`);
}

const SESSION = "dashboard/session";
/** A call waits as long as the server asks, and then again; after so long altogether the page says what was refused. */
const WAIT_AT_MOST_MS = 120_000;
const AWAY = "The server does not answer. Nothing is lost: this goes on by itself once it is back.";

/** A cookie for another path, or for TLS where there is none, is dropped without a word. */
const NOT_KEPT = [
  "This browser did not keep the sign-in. Open a new link at the very address that the server has for itself",
  "(WHARF_PUBLIC_URL), and let the browser keep its cookie.",
].join(" ");

const ENDED = [
  "Your sign-in is over: it ended after its 12 hours, or somebody ended it.",
  "Sign in again, and this page goes on; nothing that was uploaded is lost.",
].join(" ");
const KEY_ENDED = "The server takes this key no more: it ran out, or somebody revoked it. Sign in with another one.";

/** What went wrong, for a person: without the half-sentence that names a field of the answer to programs. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/; details\.\w+[^.:;]*(?=\.)/, "");
}

export interface Call {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Absolute, below whatever path the page itself is at. */
export function addressOf(path: string): string {
  return new URL(path, document.baseURI).href;
}

/**
 * The server as the page sees it. One of these, for as long as the page is open. It watches for the server going away:
 * `isAway` is what the page shows, and `back()` resolves when it answers again.
 */
export class Api {
  readonly me = new Store<Me | null>(null);
  /** Why the last link or key signed nobody in. */
  readonly refused = new Store<string | null>(null);
  readonly isAway = new Store(false);
  /** The team that a later sign-in of this browser is for, in another tab; this one is out of it then. */
  readonly replacedBy = new Store<string | null>(null);
  /** So many seconds the server asked to wait, with the last answer that calls wait for; null: none does. */
  readonly waitsSeconds = new Store<number | null>(null);
  #waiting = 0;
  #looking: Promise<void> | null = null;
  #asking: Promise<boolean> | null = null;
  #key: string | null = null;
  #csrf: string | null = null;

  /** Whoever this browser was signed in as; null = nobody. Rejects when the server does not answer. */
  async resume(): Promise<Me | null> {
    try {
      return this.#become(await this.json("GET", SESSION));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  }

  /** Whoever was signed in stays it when the link is refused. */
  async signInWithLink(link: string): Promise<Me> {
    await this.json("POST", SESSION, { body: { link } });
    this.#key = null;
    const me = await this.resume();
    if (me === null) throw new Error(NOT_KEPT);
    return me;
  }

  async signInWithKey(key: string): Promise<Me> {
    this.#key = key;
    try {
      return this.#become(await this.json("GET", SESSION));
    } catch (error) {
      this.#key = null;
      throw error;
    }
  }

  /**
   * The session ends on the server; a key is forgotten. Throws ApiError when the server did not end it: the cookie is
   * good then, and no script can take it away, so the page must not say that it is over.
   */
  async signOut(): Promise<void> {
    if (this.#key === null)
      await this.json("DELETE", SESSION).catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
      });
    this.#forget();
  }

  /** The page is looked at again: who is signed in may have changed meanwhile, in another tab. */
  async lookWho(): Promise<void> {
    if (this.me.value !== null && this.#key === null) await this.#isStillSame();
  }

  may(scope: string): boolean {
    return this.me.value?.scopes.includes(scope) ?? false;
  }

  /** Throws ApiError. */
  async json(method: string, path: string, call: Call = {}): Promise<Json> {
    const answer = await this.fetch(method, path, call);
    return objectOf(await answer.json().catch(() => null));
  }

  /** An answer of the 2xx kind. Waits when the server asks for that. Throws ApiError. */
  async fetch(method: string, path: string, call: Call = {}): Promise<Response> {
    const aboutSession = path === SESSION;
    let waitedMs = 0;
    let isRenewed = false;
    for (;;) {
      // Nobody is signed in here, and what the browser's cookie is good for is another tab's.
      if (!aboutSession && this.me.value === null) throw new ApiError(401, {}, 0);
      const answer = await this.#sent(method, path, call);
      if (answer.ok) return answer;
      const said: unknown = await answer.json().catch(() => null);
      const error = new ApiError(answer.status, isObject(said) ? said : {}, secondsToWait(answer));
      if (answer.status === 401 && this.me.value !== null && !(aboutSession && method === "POST")) {
        if (isRenewed || aboutSession || !(await this.#isStillSame())) throw error;
        isRenewed = true;
        continue;
      }
      const asksToWait = (answer.status === 429 || answer.status === 503) && error.retryAfterMs > 0;
      waitedMs += error.retryAfterMs;
      // Who signs in, or out, is told at once.
      if (aboutSession || !asksToWait || waitedMs > WAIT_AT_MOST_MS) throw error;
      await this.#waitAsTold(error.retryAfterMs, call.signal);
    }
  }

  async #sent(method: string, path: string, { body, headers = {}, signal }: Call): Promise<Response> {
    const signsIn = method === "POST" && path === SESSION;
    // Who asks who is signed in has no other session in mind.
    const credentials = method === "GET" && path === SESSION ? this.#keyAlone() : this.#credentials();
    const answer = await fetch(addressOf(path), {
      method,
      headers: { ...credentials, ...(body === undefined ? {} : JSON_BODY), ...headers },
      credentials: this.#key === null || signsIn ? "same-origin" : "omit",
      cache: "no-store",
      redirect: "error",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    }).catch((cause: unknown) => {
      signal?.throwIfAborted();
      this.wentAway();
      throw new ApiError(0, {}, 1, cause);
    });
    // A proxy whose server is gone says so in its own words.
    if (answer.status === 502 || answer.status === 504) this.wentAway();
    return answer;
  }

  /**
   * For the client library, which brings its own requests: with this page's credentials in the place of a key. An
   * upload URL is asked on this page's own origin, whatever name the server has for itself: the policy lets nothing go
   * elsewhere. It is a permission by itself and gets no other.
   */
  async passOn(url: string, init: RequestInit = {}): Promise<Response> {
    const bytes = url.indexOf("/v1/uploads/");
    const { authorization: _, ...headers } = Object.fromEntries(new Headers(init.headers));
    const send = async (address: string, request: RequestInit) => {
      const answer = await fetch(address, request).catch((cause: unknown) => {
        if (init.signal?.aborted !== true) this.wentAway();
        throw cause;
      });
      if (answer.status === 502 || answer.status === 504) this.wentAway();
      return answer;
    };
    if (bytes >= 0) return send(addressOf(url.slice(bytes + 1)), { ...init, headers, credentials: "omit" });
    const asMe = (): RequestInit => ({
      ...init,
      headers: { ...headers, ...this.#credentials() },
      credentials: this.#key === null ? "same-origin" : "omit",
    });
    if (this.me.value === null) return new Response("{}", { status: 401 });
    const answer = await send(url, asMe());
    return answer.status === 401 && (await this.#isStillSame()) ? send(url, asMe()) : answer;
  }

  /**
   * Something did not come back. Looks whether the server is there; if not, says so, and looks again every few seconds
   * until it is.
   */
  wentAway(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      this.isAway.set(false);
    });
  }

  /** Resolves once the server answers; at once when nothing says that it does not. */
  async back(): Promise<void> {
    await this.#looking;
  }

  async #look(): Promise<void> {
    for (let tries = 0; !(await isAlive()); tries++) {
      this.isAway.set(true);
      await wait(Math.min(500 * 2 ** tries, 3000) * (0.75 + Math.random() / 2));
    }
  }

  /**
   * The sign-in was refused. True: this browser was signed in anew, for the same team, and the page goes on with that.
   * Else it is over here: the session ended, or another tab signed in for another team, which must not be taken for
   * this one.
   */
  #isStillSame(): Promise<boolean> {
    this.#asking ??= this.#askWho().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #askWho(): Promise<boolean> {
    const before = this.me.value;
    let says = KEY_ENDED;
    if (this.#key === null && before !== null) {
      const answer = await this.#sent("GET", SESSION, {}).catch(() => null);
      // Nobody can say: what was refused is, and the next call asks again.
      if (answer === null || (!answer.ok && answer.status !== 401)) return false;
      const now: unknown = answer.ok ? await answer.json().catch(() => null) : null;
      if (this.me.value !== before) return this.me.value?.team === before.team;
      if (isObject(now) && textOf(now, "team") === before.team) {
        this.#become(now);
        return true;
      }
      this.replacedBy.set(isObject(now) ? textOf(now, "team") : null);
      says = ENDED;
    }
    if (before !== null && this.replacedBy.value === null) this.refused.set(says);
    this.#forget();
    return false;
  }

  async #waitAsTold(ms: number, signal: AbortSignal | undefined): Promise<void> {
    this.#waiting += 1;
    this.waitsSeconds.set(Math.ceil(ms / 1000));
    // A little more, so that pages that were told the same do not come back in the same instant.
    await wait(ms * (1 + Math.random() / 4), signal);
    this.#waiting -= 1;
    if (this.#waiting === 0) this.waitsSeconds.set(null);
    signal?.throwIfAborted();
  }

  /** The token goes with reads, too: the server refuses it beside the cookie of a later sign-in. */
  #credentials(): Readonly<Record<string, string>> {
    return this.#key === null && this.#csrf !== null ? { "X-Wharf-Csrf": this.#csrf } : this.#keyAlone();
  }

  #keyAlone(): Readonly<Record<string, string>> {
    return this.#key === null ? {} : { Authorization: `Bearer ${this.#key}` };
  }

  #become(json: Json): Me {
    const csrf = textOf(json, "csrf");
    this.#csrf = csrf === "" ? null : csrf;
    this.replacedBy.set(null);
    const max = json["max_file_bytes"];
    const scopes = json["scopes"];
    const me = {
      team: textOf(json, "team"),
      scopes: Array.isArray(scopes) ? scopes.map(String) : [],
      maxFileBytes: typeof max === "number" ? max : 0,
      expiresAt: textOf(json, "expires_at"),
    };
    this.refused.set(null);
    this.me.set(me);
    return me;
  }

  #forget(): void {
    this.#key = null;
    this.#csrf = null;
    this.me.set(null);
  }
}

async function isAlive(): Promise<boolean> {
  const signal = AbortSignal.timeout(5000);
  const answer = await fetch(addressOf("healthz"), { cache: "no-store", signal }).catch(() => null);
  return answer?.ok === true;
}

/** 0: it asks for none, or says that another try would not help. */
export function secondsToWait({ headers }: Response): number {
  if (headers.get("x-should-retry") === "false") return 0;
  return retryAfterOf({ header: (name) => headers.get(name) }) ?? 0;
}

const JSON_BODY = { "Content-Type": "application/json" };

export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
