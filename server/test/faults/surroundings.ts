import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A listener that nobody may call. Its address is planted in documents wherever a format can name one. */
export class Canary {
  readonly #server: Server;
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.connections += 1;
      socket.destroy();
    });
  }

  static async start(): Promise<Canary> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return new Canary(server);
  }

  get address(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Uid of the extraction children when the server runs as root. */
const CHILD_UID = 65534;

/**
 * Where a reader that wrote a file would write it: the working directory (for the run a folder of its own, which has to
 * stay empty), and the folders that everybody may write to. Those are full of other programs' files, so there only what
 * belongs to the children's own user counts; when the children run as our own user, only our folder can be judged.
 */
export class Surroundings {
  readonly #own: string;
  readonly #homeDirectory = process.cwd();
  readonly #before: ReadonlySet<string>;

  private constructor(own: string, before: ReadonlySet<string>) {
    this.#own = own;
    this.#before = before;
  }

  /** Changes into a new, empty folder. */
  static async enter(): Promise<Surroundings> {
    const own = await mkdtemp(join(tmpdir(), "wharf-surroundings-"));
    const surroundings = new Surroundings(own, new Set(await childFiles()));
    process.chdir(own);
    return surroundings;
  }

  /** Names of files that appeared. Changes back. */
  async leave(): Promise<readonly string[]> {
    process.chdir(this.#homeDirectory);
    const written = (await readdir(this.#own)).map((name) => join(this.#own, name));
    await rm(this.#own, { recursive: true });
    return [...written, ...(await childFiles()).filter((path) => !this.#before.has(path))];
  }
}

async function childFiles(): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  const folders = new Set(["/", "/tmp", "/var/tmp", "/dev/shm", tmpdir(), join(import.meta.dirname, "../../..")]);
  const found: string[] = [];
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const uid = await lstat(path).then(
        (stats) => stats.uid,
        () => null,
      );
      if (uid === CHILD_UID) found.push(path);
    }
  }
  return found;
}
