import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { listAt, at as memberAt } from "../../server/test/support/json.ts";
import { medians, type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { run } from "../processes/command.ts";
import { since } from "../processes/processor-time.ts";
import { commandLine, PROGRAM, Wharf } from "../processes/wharf.ts";

/** Generous: what hangs is the bench's to show, not to wait for. */
const WAIT_SECONDS = 3600;
const MANY = 1000;
/** Where its helpers are: pdftotext, unzip, xsltproc … */
const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin";

const PARTS = ["main", "storage", "readers", "runtime", "command"] as const;

type Uploaded = Readonly<Record<"files" | "indexed" | "perSecond" | (typeof PARTS)[number], number>>;

/**
 * A folder of real documents by `wharf upload --wait` into a fresh server, and where the processor's time goes; beside
 * it, in the same run and on the same folder, `recollindex`, a desktop's indexer that neither keeps the documents nor
 * shuts its readers in.
 */
export async function folder(options: Options): Promise<readonly Row[]> {
  const documents = options.documents ?? "";
  const { earlier } = options;
  const lacking = new Set<string>();
  const found = await medians<string>(options.rounds, async () => {
    const now = await uploaded(PROGRAM, documents, options);
    const before = earlier === null ? null : await uploaded(earlier, documents, options);
    const besides: Record<string, number> =
      before === null
        ? {}
        : { earlier: before.perSecond, earlierIndexed: before.indexed, earlierProcessor: processorSeconds(before) };
    return { ...now, ...besides, ...(await recoll(documents, lacking)) };
  });
  const figure = (name: string) => found.get(name) ?? Number.NaN;
  const what = `${figure("files")} real documents by wharf upload --wait`;
  const perSecond = { unit: "files/s", figure: figure("perSecond") };
  const few = figure("files") < MANY ? `; the design's figure is of ${MANY}` : "";
  const rows = [row({ what, ...perSecond, note: `${figure("indexed")} indexed, the others say why not${few}` })];
  if (found.has("earlier"))
    rows.push(
      row({
        what: `${what}, by an earlier version's`,
        ...perSecond,
        floor: figure("earlier"),
        target: { of: "ratio", atLeast: 1.5 },
        note: `it uses ${figure("earlierProcessor").toFixed(1)} s of processor, indexes ${figure("earlierIndexed")}`,
      }),
    );
  const floor = found.has("recoll") ? { floor: figure("recoll") } : {};
  rows.push(row({ what: `${what}, by recollindex's`, ...perSecond, ...floor, note: recollNote(found, lacking) }));
  return [...rows, ...shares(found)];
}

function recollNote(found: ReadonlyMap<string, number>, lacking: ReadonlySet<string>): string {
  if (!found.has("recoll")) return "skipped: this machine has no recollindex (Debian's recollcmd)";
  const without = lacking.size > 0 ? `, without ${[...lacking].join(", ")}` : "";
  return `it uses ${found.get("recollProcessor")?.toFixed(1)} s of processor, fails on ${found.get("recollFailed")}${without}`;
}

function processorSeconds(uploaded: Uploaded): number {
  return PARTS.reduce((sum, part) => sum + uploaded[part], 0);
}

function shares(found: ReadonlyMap<string, number>): readonly Row[] {
  const total = PARTS.reduce((sum, part) => sum + (found.get(part) ?? 0), 0);
  return PARTS.map((part) => {
    const figure = found.get(part) ?? Number.NaN;
    const share = ((100 * figure) / total).toFixed(0);
    return row({ what: `processor: ${SPELLED[part]}`, unit: "s", figure, note: `${share} % of ${total.toFixed(1)} s` });
  });
}

const SPELLED: Readonly<Record<(typeof PARTS)[number], string>> = {
  main: "main thread",
  storage: "storage threads",
  readers: "readers",
  runtime: "the runtime's own threads",
  command: "command line",
};

async function uploaded(program: string, documents: string, options: Options): Promise<Uploaded> {
  const wharf = await Wharf.start({ ...options, program });
  try {
    const before = wharf.processorTime();
    const flags = [
      "--bucket",
      "bench",
      "--create-missing-buckets",
      "--wait",
      "--timeout",
      String(WAIT_SECONDS),
      "--json",
    ];
    const env = { WHARF_URL: wharf.url, WHARF_API_KEY: wharf.key, ...launchedBy(program) };
    const ran = await run(process.execPath, [commandLine(program), "upload", documents, ...flags], env);
    const used = since(before, wharf.processorTime());
    // 3: some of them cannot be read (encrypted, damaged), as in any real folder.
    if (ran === null || (ran.exitCode !== 0 && ran.exitCode !== 3)) throw new Error(`upload: ${ran?.complained}`);
    const answer: unknown = JSON.parse(ran.printed);
    const statuses = listAt(answer, "files").map((file) => memberAt(file, "status"));
    // What the server refuses at once (an empty file) has none.
    const settled = statuses.filter((status) => status === "indexed" || status === "failed");
    return {
      files: settled.length,
      indexed: settled.filter((status) => status === "indexed").length,
      perSecond: settled.length / ran.seconds,
      ...used,
      command: ran.processorSeconds,
    };
  } finally {
    await wharf.close();
  }
}

/** What its `bin/wharf` sets for the command: a version that keeps what Node compiles has it here as well. */
function launchedBy(program: string): Readonly<Record<string, string>> {
  const keeps = readFileSync(join(program, "bin/wharf"), "utf8").includes("NODE_COMPILE_CACHE");
  return keeps ? { NODE_COMPILE_CACHE: join(program, "node_modules/.compile-cache") } : {};
}

/**
 * The same folder into a fresh index; nothing where the machine has no recollindex. `lacking`: helpers that it asked
 * for in vain.
 */
async function recoll(documents: string, lacking: Set<string>): Promise<Record<string, number>> {
  const index = mkdtempSync(join(tmpdir(), "wharf-bench-recoll-"));
  try {
    // By itself it runs at the lowest priority, which on a busy machine measures the others.
    writeFileSync(join(index, "recoll.conf"), `topdirs = "${resolve(documents)}"\nidxniceprio = 0\nloglevel = 1\n`);
    const ran = await run("recollindex", ["-c", index], { HOME: index, PATH: SYSTEM_PATH, LANG: "C.UTF-8" });
    if (ran === null) return {};
    if (ran.exitCode !== 0) throw new Error(`recollindex: ${ran.complained}`);
    for (const line of linesOf(join(index, "missing"))) lacking.add(line.split(" (", 1).join());
    const status = new Map(linesOf(join(index, "idxstatus.txt")).map((line) => pair(line)));
    const files = Number(status.get("filesdone"));
    return {
      recoll: files / ran.seconds,
      recollFailed: Number(status.get("fileerrors")),
      recollProcessor: ran.processorSeconds,
    };
  } finally {
    rmSync(index, { recursive: true, force: true });
  }
}

function pair(line: string): readonly [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

/** Without the empty ones; none of a file that is not there. */
function linesOf(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
