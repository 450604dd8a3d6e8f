import { posix } from "node:path";
import { type Import, lineOf, type SourceText } from "./source-text.ts";

/**
 * The arrows and fences that ARCHITECTURE.md draws: routes → capability → port ← adapter. What a linter can see in one
 * line (any, !, default exports, barrels) is Biome's; here is what needs to know where a file stands.
 */
export interface Violation {
  readonly path: string;
  readonly line: number;
  /** What is wrong and where it belongs. */
  readonly say: string;
}

export type Rule = (source: SourceText) => readonly Violation[];

const MAX_LINES = 400;

/** Nobody reads it from top to bottom. */
const GENERATED = /\/generated\//;

/** Casts that cannot be avoided, each with its reason. Others are a missing type guard. */
export const CASTS: Readonly<Record<string, string>> = {
  "server/src/ids.ts": "the one place where a string becomes an id",
  "server/src/blobs/keys.ts": "the one place where a string becomes a blob key",
  "server/src/catalogue/registry.ts": "name and input crossed the thread boundary together, from one typed call",
  "server/src/catalogue/sqlite.ts": "what came back is the output of the operation that was named",
  "server/src/sqlite/kysely-sqlite.ts": "the driver's rows are what the statement's type says",
  "server/src/search-index/fts5-reader-thread.ts": "call and answer crossed the thread boundary together",
  "server/src/search-index/fts5-writer.ts": "the calls come from fts5.ts, whose calls have this type",
  "server/src/search-index/fts5.ts": "the threads answer each kind of call with the type that fts5-protocol.ts names",
};

/** Where adapters are chosen: what keeps something, and what reads documents. */
const ENGINES = /^server\/src\/(?:engines\/[\w-]+|adapters)\.ts$/;

/** Adapters: what of them others could open, run or look into. */
const ADAPTERS =
  /^server\/src\/(?:blobs\/(?:fs(?:-archive|-inspect)?|memory|s3|gcs)|catalogue\/(?:sqlite|postgres)|search-index\/(?:fts5[\w-]*|tsvector)|extraction\/pool|[\w-]+\/[\w.-]+\.(?:sqlite|postgres))\.ts$/;

/**
 * Our own byte end-point is one way in which bytes arrive. Nobody but who chooses it, and tests, knows that bytes pass
 * through us; and what it records in the session's row is read there and in stores alone.
 */
const EMBEDDED = "server/src/uploads/embedded/";
const ITS_RECORD = /\b(?!(?:fence|sealing)\.)\w+\.(?:writerEpoch|receivedBytes|segments|digestState)\b/g;

/** Folders that know no capability: ports with their adapters, and pure parts. */
const FOUNDATIONS = new Set([
  "blobs",
  "catalogue",
  "chunking",
  "extraction",
  "fairness",
  "metrics",
  "program",
  "search-index",
  "sqlite",
]);

/** Its chores keep the rows of all capabilities in order, and run operations of their stores for it. */
const KEEPS_ORDER = "maintenance";

export const RULES: readonly Rule[] = [
  (source) =>
    source.lines > MAX_LINES && !GENERATED.test(source.path)
      ? [at(source, MAX_LINES + 1, `has ${source.lines} lines; past ${MAX_LINES} a noun is missing: split it`)]
      : [],

  (source) =>
    // An example is a program of its own.
    source.path.endsWith("/config.ts") || source.path.startsWith("examples/") || isTest(source.path)
      ? []
      : matches(
          source,
          source.code,
          /\bprocess\.env\b/g,
          "reads process.env; only config.ts does: take the setting as a parameter",
        ),

  (source) =>
    mayHoldSql(source.path)
      ? []
      : [
          ...matches(
            source,
            source.code,
            /\.(?:selectFrom|insertInto|updateTable|deleteFrom)\(|\bsql(?:<[^`]*>)?`/g,
            SQL,
          ),
          ...matches(
            source,
            source.strings,
            /\b(?:SELECT\s.+\sFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|PRAGMA|BEGIN (?:IMMEDIATE|EXCLUSIVE))\b/g,
            SQL,
          ),
        ],

  (source) =>
    isTest(source.path) || source.path in CASTS
      ? []
      : matches(
          source,
          withoutRenames(source.code),
          /\bas\s+(?!const\b)/g,
          "casts with `as`; write a type guard, or list the file in tools/architecture/rules.ts with the reason",
        ),

  (source) =>
    isTest(source.path) || isStore(source.path) || !/^server\/src\/(?!uploads\/embedded\/|backup\/)/.test(source.path)
      ? []
      : matches(
          source,
          source.code,
          ITS_RECORD,
          "reads what our own end-point records of a session; ask uploads/arrivals.ts",
        ),

  (source) => (isTest(source.path) ? [] : source.imports.flatMap((found) => judgeImport(source, found))),

  judgeLibrary,
];

/**
 * The client library is published by itself, and runs in browsers: it needs nothing of the rest, and of Node
 * in node/ only.
 */
function judgeLibrary({ path, imports }: SourceText): readonly Violation[] {
  if (!path.startsWith(LIBRARY) || isTest(path)) return [];
  return imports.flatMap((found) => {
    const target = resolveImport(path, found.from);
    const isOwn = target?.startsWith(LIBRARY) ?? (found.from.startsWith("node:") && ITS_NODE_PART.test(path));
    return isOwn
      ? []
      : [
          {
            path,
            line: found.line,
            say: `imports ${found.from}: the client library has no packages, and of Node in node/`,
          },
        ];
  });
}

const LIBRARY = "sdk/src/";
const ITS_NODE_PART = /^sdk\/src\/node\//;

const SQL = "holds SQL; statements belong in store.ts, *.store.ts, *.sqlite.ts or an engine's own files";

function judgeImport(source: SourceText, found: Import): readonly Violation[] {
  const { path } = source;
  const wrong = (say: string): readonly Violation[] => [at(source, found.line, `imports ${found.from}: ${say}`)];

  if (/^(?:fastify|@fastify\/.*)$/.test(found.from) && !isEdge(path))
    return wrong("the web framework stays in http/ and the capabilities' routes files");
  if (found.from === "node:sqlite" && !mayHoldSql(path))
    return wrong("the driver stays in sqlite/, catalogue/ and the engines' files");
  if (found.from === "kysely" && !mayHoldSql(path)) return wrong("Kysely stays in store files");

  const target = resolveImport(path, found.from);
  if (target === null || ENGINES.test(path)) return [];
  if (target.startsWith(EMBEDDED) && !path.startsWith(EMBEDDED))
    return wrong("how bytes arrive is chosen in engines/; ask uploads/arrivals.ts");
  const [from, to] = [roomOf(path), roomOf(target)];
  if (from === to) return [];
  if (ADAPTERS.test(target) && !found.typeOnly)
    return wrong("an adapter is chosen in engines/, for the server and the command line; import its port");
  if (isRoot(path)) return [];
  if (to === "http" && !isEdge(path)) return wrong("only routes files know the HTTP edge");
  if (FOUNDATIONS.has(from) && isCapability(to))
    return wrong(`${from}/ is below the capabilities and knows none of them`);
  if (isStore(target) && !found.typeOnly && !isStore(path) && from !== KEEPS_ORDER)
    return wrong(`only stores may compose another capability's statements; call a function of ${to}/`);
  return [];
}

/** The file that a relative import means, or null for a package. */
export function resolveImport(path: string, from: string): string | null {
  return from.startsWith(".") ? posix.normalize(posix.join(posix.dirname(path), from)) : null;
}

export function isTest(path: string): boolean {
  return /(?:^|\/)(?:test-[\w-]+|[\w.-]+\.test|[\w.-]*conformance[\w.-]*|[\w-]+-fixtures?)\.ts$|\/(?:test|fixtures|testing)\//.test(
    path,
  );
}

function isStore(path: string): boolean {
  return /(?:\/|\.)(?:store|sqlite|postgres)\.ts$/.test(path) && !path.startsWith("server/src/catalogue/");
}

function mayHoldSql(path: string): boolean {
  return (
    isTest(path) ||
    isStore(path) ||
    /^server\/src\/(?:catalogue\/|sqlite\/|search-index\/fts5|data-folder\.ts)/.test(path)
  );
}

/** Where HTTP is known: the edge itself and each capability's routes. */
function isEdge(path: string): boolean {
  const isOutside = !path.startsWith("server/");
  return roomOf(path) === "http" || /(?:\/|-)routes\.ts$/.test(path) || isOutside || isRoot(path) || isTest(path);
}

/**
 * What composes capabilities knows them all: the root, the registry, and the threads' entries, which get it handed in.
 */
function isRoot(path: string): boolean {
  return /^server\/src\/(?:(?:main|adapters|start|operations)\.ts$|threads\/)/.test(path);
}

/**
 * The folder that a file belongs to, as far as arrows go: one below server/src, or cli, bench, tools. A file of
 * server/src itself is a room of its own.
 */
export function roomOf(path: string): string {
  const inServer = /^server\/src\/([\w-]+)\//.exec(path)?.[1];
  return inServer ?? (path.startsWith("server/src/") ? path : (path.split("/")[0] ?? path));
}

function isCapability(room: string): boolean {
  return !FOUNDATIONS.has(room) && !room.includes("/");
}

/** Without `import { a as b }`, `export { a as b }` and `import * as c`. */
function withoutRenames(code: string): string {
  return code.replace(/\b(?:import|export)\b(?:\s+type)?\s*(?:\*\s*as\s+\w+|[\w\s,]*\{[^}]*\})/g, (text) =>
    text.replace(/[^\n]/g, " "),
  );
}

function matches(source: SourceText, text: string, pattern: RegExp, say: string): readonly Violation[] {
  return [...text.matchAll(pattern)].map((match) => at(source, lineOf(text, match.index), say));
}

function at(source: SourceText, line: number, say: string): Violation {
  return { path: source.path, line, say };
}
