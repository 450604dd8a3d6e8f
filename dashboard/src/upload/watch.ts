import { type Api, ApiError } from "../api.ts";
import { objectsOf } from "../json.ts";
import { Store } from "../store.ts";
import { fileOf, isSettled, type OpenSession, sessionOf, type WatchedFile } from "../wire.ts";

export interface Activity {
  /** Every file that was seen, by id. */
  readonly files: ReadonlyMap<string, WatchedFile>;
  /** Ids of the newest files of the team, newest first. */
  readonly newest: readonly string[];
  /** Uploads that nobody has finished. */
  readonly sessions: readonly OpenSession[];
}

const BUSY_MS = 1000;
const IDLE_MS = 6000;
const SHOWN = 50;
/** Of those that are under way and not among the newest. */
const ASKED_ALONE = 6;

const NOTHING: Activity = { files: new Map(), newest: [], sessions: [] };

/**
 * What becomes of the team's files, looked at every second while something is under way, and not at all while nobody
 * sees the page. One list answers for all of them: a held poll for each would take the few connections that a browser
 * has.
 */
export class Watch {
  readonly activity = new Store(NOTHING);
  readonly #api: Api;
  readonly #followed = new Set<string>();
  #watchers = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(api: Api) {
    this.#api = api;
  }

  /** A file of this page's own: it is looked at until it is settled, wherever in the list it is. */
  follow(file: WatchedFile): void {
    this.#followed.add(file.id);
    this.#keep([file]);
    this.soon();
  }

  /** Looks until the returned function is called. */
  begin(): () => void {
    this.#watchers += 1;
    this.soon();
    return () => {
      this.#watchers -= 1;
    };
  }

  forget(): void {
    this.#followed.clear();
    this.activity.set(NOTHING);
  }

  soon(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), 50);
  }

  async #look(): Promise<void> {
    this.#timer = null;
    if (this.#api.me.value === null || !this.#api.may("files:read")) return;
    if (document.visibilityState !== "hidden") await this.#ask().catch(() => this.#api.back());
    if (this.#timer !== null || (this.#watchers === 0 && this.#underWay().length === 0)) return;
    const every = this.#underWay().length > 0 ? BUSY_MS : IDLE_MS;
    this.#timer = setTimeout(() => void this.#look(), every);
  }

  async #ask(): Promise<void> {
    const me = this.#api.me.value;
    const limit = Math.min(200, Math.max(SHOWN, this.#underWay().length));
    const [list, open, received] = await Promise.all([
      this.#api.json("GET", `v1/knowledge/files?limit=${limit}`),
      this.#api.json("GET", "v1/knowledge/files/upload-sessions?status=open&limit=50"),
      this.#api.json("GET", "v1/knowledge/files/upload-sessions?status=received&limit=50"),
    ]);
    const files = objectsOf(list, "files").map(fileOf);
    const seen = new Set(files.map(({ id }) => id));
    const others = this.#underWay().filter((id) => !seen.has(id));
    const alone = await Promise.all(others.slice(0, ASKED_ALONE).map((id) => this.#alone(id)));
    // What was asked as somebody else.
    if (this.#api.me.value !== me) return;
    this.#keep([...files, ...alone.filter((file) => file !== null)], {
      newest: files.slice(0, SHOWN).map(({ id }) => id),
      sessions: [open, received].flatMap((page) => objectsOf(page, "sessions").map(sessionOf)),
    });
  }

  /** Null: it is not there any more, which must not keep the others from being seen. */
  async #alone(id: string): Promise<WatchedFile | null> {
    try {
      return fileOf(await this.#api.json("GET", `v1/knowledge/files/${id}`));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.#followed.delete(id);
      return null;
    }
  }

  #underWay(): readonly string[] {
    const { files, newest } = this.activity.value;
    return [...new Set([...this.#followed, ...newest])].filter((id) => {
      const file = files.get(id);
      return file !== undefined && !isSettled(file);
    });
  }

  #keep(files: readonly WatchedFile[], more: Partial<Activity> = {}): void {
    const known = new Map(this.activity.value.files);
    for (const file of files) known.set(file.id, file);
    // What nobody shows any more is forgotten.
    const newest = more.newest ?? this.activity.value.newest;
    for (const id of known.keys()) if (!this.#followed.has(id) && !newest.includes(id)) known.delete(id);
    this.activity.set({ ...this.activity.value, ...more, files: known });
  }
}
