import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createLog } from "../log.ts";
import type { Isolation } from "./extractor.ts";
import { PROBES } from "./fixtures/attacks/probes.ts";
import { type Probed, probeFrom, probeOf } from "./fixtures/attacks/probing.ts";
import { Range } from "./fixtures/attacks/range.ts";
import { ENVIRONMENTS, type Environment, OWN } from "./fixtures/environments.ts";
import { createExtractionPool } from "./pool.ts";
import { APP_ROOT, type Jail, jailsOfParts, jailsToTry } from "./sandbox.ts";
import { works } from "./system-tools.ts";

const isRoot = process.getuid?.() === 0;

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "wharf-sandbox-"));
  chmodSync(folder, 0o755);
});
after(() => rmSync(folder, { recursive: true }));

function succeeded({ outcomes }: Probed): readonly string[] {
  for (const [name, outcome] of outcomes) assert.ok(!outcome.startsWith("not told"), `${name}: ${outcome}`);
  return [...outcomes].filter(([, outcome]) => outcome.startsWith("got: ")).map(([name]) => name);
}

/**
 * Where there are no walls, sockets are open to a reader: Node does not keep it from them, and docs/security.md says
 * so.
 */
const WITHOUT_WALLS = [
  "listen on a path",
  "connect to the machine",
  "send a datagram to the machine",
  "listen where others connect",
  "connect to a socket with a path",
  "connect to a socket with a name",
];
const WITHOUT_NODES_RULES = Object.keys(PROBES).filter((name) => PROBES[name]?.nodeAlone);

async function inRange(environment: Environment, attack: (range: Range) => Promise<void>): Promise<void> {
  const range = await Range.open(environment);
  try {
    await attack(range);
  } finally {
    await range.close();
  }
}

/** In a clone that only root can enter, where nobody can show the code to another user. */
function keepsNumber({ missing }: Isolation): boolean {
  return missing.some((part) => part.startsWith("readers keep root's number"));
}

for (const environment of ENVIRONMENTS) {
  const { name, user, unavailable } = environment;

  test(`a server of ${name}: outside its jail every attack works`, { skip: unavailable ?? false }, () =>
    inRange(environment, async (range) => {
      const bare = await probeFrom(environment, range, "bare");
      assert.deepEqual(succeeded(bare), Object.keys(PROBES), JSON.stringify([...bare.outcomes], null, 1));
      assert.ok(range.connections >= 4);
    }),
  );

  test(
    `a server of ${name}: a reader that was taken over gets nothing but what the jail admits to`,
    {
      skip: unavailable ?? false,
    },
    () =>
      inRange(environment, async (range) => {
        const jailed = await probeFrom(environment, range, "product");
        const { isolation, identity } = jailed;
        if (isolation.strength === "full") {
          assert.deepEqual(succeeded(jailed), []);
          assert.equal(range.connections, 0);
        } else {
          assert.deepEqual(
            succeeded(jailed).filter((probe) => !WITHOUT_WALLS.includes(probe)),
            [],
          );
          assert.match(isolation.missing.join(), /install bubblewrap/);
        }
        // bubblewrap says where it has gone.
        assert.deepEqual(
          [identity.environment.filter((variable) => variable !== "PWD"), identity.descriptors],
          [[], []],
        );
        if (keepsNumber(isolation)) return;
        assert.notEqual(identity.uid, 0);
        if (user === null && isRoot) assert.match(isolation.inForce.join(), /a user of its own/);
      }),
  );

  test(
    `a server of ${name}: the walls hold alone, when code has left JavaScript`,
    { skip: unavailable ?? false },
    (t) =>
      inRange(environment, async (range) => {
        const walled = await probeFrom(environment, range, "walls");
        if (walled.isolation.strength !== "full") return t.skip("this environment gives no walls");
        assert.deepEqual(succeeded(walled), WITHOUT_NODES_RULES);
        assert.equal(range.connections, 0);
      }),
  );
}

const OPTIONS = { mode: "reduced", appRoot: APP_ROOT, entry: "" } as const;

test("a start tries no tool of the jail alone unless its first reader fails; then it goes by what was tried", () => {
  const tried: string[] = [];
  const refuseAll = ([command = ""]: readonly string[]) => {
    tried.push(command);
    return false;
  };
  const jails = jailsToTry({ ...OPTIONS, works: refuseAll });
  const first = jails.next();
  assert.deepEqual(tried, []);
  const second = jails.next();
  assert.ok(tried.length > 0);
  assert.ok(first.done !== true && second.done !== true);
  assert.ok(first.value.isolation.missing.length < second.value.isolation.missing.length);
  assert.equal(second.value.isolation.strength, "reduced");
});

/** Why this machine gives no walls by that tool, or false. */
function lacks(by: Jail["by"]): string | false {
  return jailsOfParts(OPTIONS, works).some((jail) => jail.by === by)
    ? false
    : `needs a machine where ${by} may make namespaces`;
}

for (const by of ["unshare", "bubblewrap"] as const) {
  test(`the walls that ${by} makes hold, with Node's rules and alone`, { skip: lacks(by) }, () =>
    inRange(OWN, async (range) => {
      const jailed = await probeFrom(OWN, range, "product", by);
      assert.deepEqual(succeeded(jailed), []);
      assert.equal(
        jailed.isolation.strength,
        by === "bubblewrap" && keepsNumber(jailed.isolation) ? "reduced" : "full",
      );
      assert.deepEqual(succeeded(await probeFrom(OWN, range, "walls", by)), WITHOUT_NODES_RULES);
      assert.equal(range.connections, 0);
    }),
  );
}

interface Clone {
  readonly name: string;
  /** Of what the clone holds, and of the folder around it. */
  readonly others: "go+rX" | "go-rwx";
  readonly outerMode: number;
  readonly strength: Jail["isolation"]["strength"];
}

/**
 * What a reader runs comes over its stdin: of the clone's files it needs launch.mjs alone, which is this
 * checkout's here.
 */
const clones: readonly Clone[] = [
  { name: "below a folder that only root can enter", others: "go+rX", outerMode: 0o700, strength: "full" },
  { name: "whose files are for root alone", others: "go-rwx", outerMode: 0o755, strength: "full" },
];

for (const { name, others, outerMode, strength } of clones) {
  test(`a reader of a clone ${name} is jailed as well`, {
    skip: isRoot ? lacks("unshare") : "needs root",
  }, async () => {
    const outer = mkdtempSync(join(folder, "outer-"));
    const clone = join(outer, "clone");
    cpSync(join(APP_ROOT, "server/src"), join(clone, "server/src"), { recursive: true });
    symlinkSync(join(APP_ROOT, "node_modules"), join(clone, "node_modules"));
    execFileSync("chmod", ["-R", others, join(clone, "server")]);
    chmodSync(outer, outerMode);
    const entry = join(clone, "server/src/extraction/fixtures/children/taken-over.ts");
    const pool = await createExtractionPool({ places: 1, log: createLog("silent"), appRoot: clone, entry });
    try {
      assert.equal(pool.isolation.strength, strength, pool.isolation.missing.join());
      await inRange(OWN, async (range) => assert.deepEqual(succeeded(await probeOf(pool, range)), []));
    } finally {
      await pool.close();
    }
  });
}

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

test("a jail that was switched off is none, and says so", async () => {
  const warnings: object[] = [];
  const log = { ...createLog("silent"), warn: (fields: object) => void warnings.push(fields) };
  const pool = await createExtractionPool({ places: 1, log, sandbox: "off" });
  await pool.close();
  assert.equal(pool.isolation.strength, "none");
  assert.equal(warnings.length, 1);
});
