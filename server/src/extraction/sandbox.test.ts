import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { createLog } from "../log.ts";
import { createExtractionPool } from "./pool.ts";
import { APP_ROOT } from "./sandbox.ts";

const FIXTURES = join(import.meta.dirname, "fixtures");
const isRoot = process.getuid?.() === 0;
const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));

let folder: string;
let listener: Server;
let connections = 0;
let targets: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "wharf-sandbox-"));
  // As open as a file can be: what refuses it is the jail, not its mode.
  chmodSync(folder, 0o755);
  const secretFile = join(folder, "catalogue.db");
  writeFileSync(secretFile, "secret", { mode: 0o644 });
  listener = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  targets = JSON.stringify({ secretFile, port: typeof address === "object" && address !== null ? address.port : 0 });
});

after(() => {
  listener.close();
  rmSync(folder, { recursive: true });
});

type Outcomes = ReadonlyMap<string, string>;

/** Attacks from a child of a server that runs as `user` (as this test does when null). */
async function attackFromServer(user: number | null): Promise<Outcomes> {
  const server = [process.execPath, join(FIXTURES, "pool-server.ts"), "attacking.ts", "attack", targets];
  const prefix =
    user === null || setpriv === undefined
      ? []
      : [setpriv, "--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"];
  const [command = process.execPath, ...args] = [...prefix, ...server];
  const { stdout } = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const outcomes = new Map<string, string>();
  for await (const line of createInterface({ input: stdout })) {
    const { label, text }: { label: string; text: unknown } = JSON.parse(line);
    outcomes.set(label, typeof text === "string" ? text : JSON.stringify(text));
  }
  return outcomes;
}

/** The kernel lets processes of one user signal each other; only a user of its own stops that (docs/formats.md says so). */
const SAME_USER_MAY = "send a signal to the server";

function assertRefused(outcomes: Outcomes, except?: typeof SAME_USER_MAY): void {
  const attacks = [...outcomes].filter(([name]) => name !== "isolation" && name !== "identity");
  assert.equal(attacks.length, 13);
  for (const [name, outcome] of attacks) if (name !== except) assert.match(outcome, /^refused: /, name);
  assert.equal(connections, 0, "nobody connected");
}

function identityOf(outcomes: Outcomes): { uid: number; environment: string[] } {
  return JSON.parse(outcomes.get("identity") ?? "{}");
}

test("a child of a server that runs as root can do nothing, and is nobody", {
  skip: !isRoot && "needs root",
}, async () => {
  const outcomes = await attackFromServer(null);
  assertRefused(outcomes);
  assert.deepEqual(identityOf(outcomes), { uid: 65534, environment: [], groups: [65534] });
  assert.match(outcomes.get("isolation") ?? "", /"missing":\[\]/);
});

test("a child of a server that runs as a user can do nothing", {
  skip: isRoot && setpriv === undefined && "needs setpriv",
}, async () => {
  const outcomes = await attackFromServer(isRoot ? 12345 : null);
  assertRefused(outcomes, SAME_USER_MAY);
  assert.deepEqual(identityOf(outcomes).environment, []);
});

test("in a clone that only root can read the child keeps root's number without its power", {
  skip: !isRoot && "needs root",
}, async () => {
  const clone = join(folder, "clone");
  cpSync(join(APP_ROOT, "server/src"), join(clone, "server/src"), { recursive: true });
  mkdirSync(join(clone, "node_modules"));
  chmodSync(clone, 0o700);
  const entry = join(clone, "server/src/extraction/fixtures/children/attacking.ts");
  const warnings: object[] = [];
  const log = { ...createLog("silent"), warn: (fields: object) => void warnings.push(fields) };
  const pool = await createExtractionPool({ places: 1, log, appRoot: clone, entry });
  const outcomes = new Map<string, string>();
  try {
    const bytes = Buffer.from(targets);
    async function* open(): AsyncGenerator<Uint8Array> {
      yield bytes;
    }
    const source = { filename: "attack", title: "", declaredType: "", sizeBytes: bytes.length, open };
    for await (const event of pool.extract(source, { signal: new AbortController().signal, lane: "fast" })) {
      if (event.kind === "page") outcomes.set(event.page.label ?? "", event.page.text);
    }
  } finally {
    await pool.close();
  }
  assertRefused(outcomes, SAME_USER_MAY);
  assert.equal(identityOf(outcomes).uid, 0);
  assert.match(pool.isolation.missing.join(), /readable for uid 65534/);
  assert.equal(warnings.length, 1, "what is missing is said once");
});

test("the attacks of this test do work outside the jail", async () => {
  const child = spawn(process.execPath, [join(FIXTURES, "children/attacking.ts")], {
    stdio: ["pipe", "pipe", "ignore"],
    cwd: folder,
  });
  const { encodeFrame } = await import("./protocol.ts");
  child.stdin.write(
    encodeFrame({ filename: "attack", title: "", declaredType: "", sizeBytes: Buffer.byteLength(targets) }),
  );
  child.stdin.end(targets);
  const output = (await child.stdout.toArray()).join("");
  rmSync(join(FIXTURES, "children/written.txt"), { force: true });
  rmSync("/tmp/wharf-attack.txt", { force: true });
  // Without this, a mistake in the fixture would pass for a jail.
  assert.ok((output.match(/got: /g) ?? []).length >= 10, output.replace(/[^\x20-\x7e]+/g, "\n").slice(0, 3000));
  assert.ok(readdirSync(join(FIXTURES, "children")).every((name) => name.endsWith(".ts")));
});

test("the program may lie in a folder whose name looks like a URL's parts", async () => {
  const odd = join(folder, "100%41 #?");
  mkdirSync(odd, { mode: 0o755 });
  const ready = `import { writeSync } from "node:fs";
    const json = Buffer.from('{"kind":"ready"}');
    const head = Buffer.alloc(8);
    head.writeUInt32LE(json.length, 0);
    writeSync(1, Buffer.concat([head, json]));
    setInterval(() => {}, 1000);`;
  writeFileSync(join(odd, "entry.ts"), ready, { mode: 0o644 });
  const entry = join(odd, "entry.ts");
  const pool = await createExtractionPool({ places: 1, log: createLog("silent"), entry, readable: [odd] });
  await pool.close();
});
